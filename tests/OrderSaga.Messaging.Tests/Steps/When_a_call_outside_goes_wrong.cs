using OrderSaga.Messaging.Tests.Steps.Support;

namespace OrderSaga.Messaging.Tests.Steps;

/// <summary>Between the intent and the outcome anything can happen: duplicates, errors, silence, and the end of the process.</summary>
public abstract class When_a_call_outside_goes_wrong<TServer>(TServer server) : StepKit<TServer>(server)
    where TServer : Server
{
    [Fact]
    public async Task Should_neither_call_nor_answer_while_another_is_at_it()
    {
        var redelivered = Guid.NewGuid();
        Gateway.Does(OrderId, Habit.StandsStill);
        var first = One.AskAsync(TakeMoney, redelivered);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        await HearNothingAsync(Two.AskAsync(TakeMoney));
        await HearNothingAsync(One.AskAsync(TakeMoney));
        // A broker that lost its patience delivers to the same process what it still works at.
        await HearNothingAsync(One.AskAsync(TakeMoney, redelivered));
        Gateway.GoOn();
        await HearAsync<MoneyTaken>(first);
        Assert.Equal((await first)!.Body, (await Two.AskAsync(TakeMoney))!.Body);
        Assert.Equal("charge", Gateway.Asked(OrderId));
    }

    [Theory]
    [InlineData(Habit.FailsBefore)]
    [InlineData(Habit.FailsAfter)]
    public async Task Should_go_on_with_the_same_key_after_an_error(Habit error)
    {
        Gateway.Does(OrderId, error, error);
        await HearAsync<MoneyTaken>(One.AskAsync(TakeMoney));
        Assert.Equal("charge charge charge", Gateway.Asked(OrderId));
        Assert.Equal($"saga:{OrderId}:TakeMoney", Assert.Single(Gateway.Keys(OrderId)));
        Assert.Equal(1, Gateway.Net(OrderId));
        Assert.Equal("done", await LogAsync());
    }

    [Fact]
    public async Task Should_give_up_a_call_at_the_end_of_its_lease_and_go_on_with_the_same_key()
    {
        Gateway.Does(OrderId, Habit.IsLost);
        var answer = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        Advance(Lease);
        await HearAsync<MoneyTaken>(answer);
        Gateway.Lands(OrderId);
        Assert.Equal("charge charge", Gateway.Asked(OrderId));
        Assert.Single(Gateway.Keys(OrderId));
        Assert.Equal(1, Gateway.Net(OrderId));
    }

    [Fact]
    public async Task Should_fault_when_the_outside_stays_away_and_leave_no_outcome()
    {
        Gateway.Does(OrderId, Habit.FailsBefore, Habit.FailsBefore, Habit.FailsBefore);
        await HearFaultAsync<IOException>(One.AskAsync(TakeMoney));
        Assert.Equal("", await LogAsync());
        Assert.Equal(1, await OpenAsync());
        // What was called may still land: until the lease is over, nobody calls again.
        await HearNothingAsync(Two.AskAsync(TakeMoney));
        Advance(Lease);
        await HearAsync<MoneyTaken>(Two.AskAsync(TakeMoney));
        Assert.Equal("charge charge charge find charge", Gateway.Asked(OrderId));
    }

    [Fact]
    public async Task Should_let_go_at_once_when_nothing_was_called()
    {
        Gateway.Does(OrderId, Habit.IsAway, Habit.IsAway, Habit.IsAway);
        await HearFaultAsync<OutageException>(One.AskAsync(TakeMoney));
        // Held back by nobody's lease, and no call can land late.
        Assert.True((await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack))).NothingToUndo);
        Assert.Equal("barred, nothing to undo", await LogAsync());
    }

    [Fact]
    public async Task Should_not_let_go_while_an_earlier_call_may_land_nor_hold_on_for_longer()
    {
        Gateway.Does(OrderId, Habit.FailsBefore, Habit.IsAway, Habit.IsAway);
        await HearFaultAsync<OutageException>(One.AskAsync(TakeMoney));
        await HearNothingAsync(Two.AskAsync(GiveBack));
        Advance(Lease);
        Assert.True((await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack))).NothingToUndo);
    }

    [Fact]
    public async Task Should_take_a_decline_as_final()
    {
        var refused = await One.AskAsync(TakeMoney with { Cents = TestGateway.Limit + 1 });
        Assert.Equal("CARD_DECLINED", Assert.IsType<MoneyRefused>(refused!.Message).Reason);
        await One.AskAsync(TakeMoney with { Cents = TestGateway.Limit + 1 });
        Assert.Equal("charge", Gateway.Asked(OrderId));
        Assert.Equal("refused", await LogAsync());
        Assert.Equal(0, await OpenAsync());
    }

    [Theory]
    [InlineData(Habit.IsLost, "charge find charge")]
    [InlineData(Habit.IsLostAfter, "charge find")]
    public async Task Should_take_up_what_a_process_left_that_died_in_its_call(Habit habit, string asked)
    {
        var command = Guid.NewGuid();
        await DieInCallAsync(One, TakeMoney, habit, command);
        var next = await StartAsync();
        await HearNothingAsync(next.AskAsync(TakeMoney, command));
        Advance(Lease);
        var answer = await next.AskAsync(TakeMoney, command);
        Assert.IsType<MoneyTaken>(answer?.Message);
        Assert.Equal(MessageId.Derive(command, nameof(MoneyTaken)), answer.Id);
        Assert.Equal(asked, Gateway.Asked(OrderId));
        Assert.Single(Gateway.Keys(OrderId));
        Assert.Equal(1, Gateway.Net(OrderId));
        Assert.Equal("done", await LogAsync());
        Assert.Equal("798 money", await HeldAsync());
        Assert.Equal(0, await OpenAsync());
    }

    [Fact]
    public async Task Should_take_up_a_decline_that_was_not_recorded()
    {
        await DieInCallAsync(One, TakeMoney with { Cents = TestGateway.Limit + 1 }, Habit.IsLostAfter);
        Advance(Lease);
        await HearAsync<MoneyRefused>(Two.AskAsync(TakeMoney with { Cents = TestGateway.Limit + 1 }));
        Assert.Equal("charge find", Gateway.Asked(OrderId));
    }

    [Fact]
    public async Task Should_let_one_of_two_nodes_take_it_up()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLost);
        var three = await StartAsync();
        Advance(Lease);
        // Whoever takes it up is kept there until all others have been heard.
        Gateway.Does(OrderId, Habit.StandsStill);
        var asks = Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? Two : three).Ask(TakeMoney).Handled.Task).ToList();
        await World.Signal.UntilAsync(() => Gateway.IsStandingStill(OrderId) && asks.Count(a => a.IsCompleted) == 19, "one of twenty is at it");
        Gateway.GoOn();
        Assert.Single(await Task.WhenAll(asks), answer => answer is not null);
        Assert.Equal("charge find charge", Gateway.Asked(OrderId));
    }

    [Fact]
    public async Task Should_record_one_outcome_when_a_process_that_stood_still_wakes_up()
    {
        Gateway.Does(OrderId, Habit.StandsStill);
        var first = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        Advance(Lease);
        var second = await Two.AskAsync(TakeMoney);
        Gateway.GoOn();
        Assert.Equal(second!.Body, (await first)!.Body);
        Assert.Equal("charge find charge", Gateway.Asked(OrderId));
        Assert.Equal(1, Gateway.Net(OrderId));
        Assert.Equal("done", await LogAsync());
    }

    [Fact]
    public async Task Should_not_call_again_while_it_cannot_find_out_what_became_of_the_first_call()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLostAfter);
        Advance(Lease);
        Gateway.IsLookUpAway = true;
        await HearFaultAsync<IOException>(Two.AskAsync(TakeMoney));
        Gateway.IsLookUpAway = false;
        await HearAsync<MoneyTaken>(Two.AskAsync(TakeMoney));
        Assert.Equal("charge find find find find", Gateway.Asked(OrderId));
    }

    [Fact]
    public async Task Should_see_an_undo_that_comes_while_it_begins()
    {
        World.Interruption.Comes(() => Two.AskAsync(GiveBack));
        Assert.Equal("ALREADY_UNDONE", (await HearAsync<MoneyRefused>(One.AskAsync(TakeMoney))).Reason);
        Assert.Equal("", Gateway.Asked(OrderId));
        Assert.Empty(World.Reports.Errors);
    }

    [Fact]
    public async Task Should_see_an_outcome_that_is_recorded_while_it_begins()
    {
        Gateway.Does(OrderId, Habit.StandsStill);
        var first = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        Advance(Lease);
        World.Interruption.Comes(async () =>
        {
            Gateway.GoOn();
            await first;
        });
        Assert.Equal((await Two.AskAsync(TakeMoney))!.Body, (await first)!.Body);
        Assert.Equal("charge", Gateway.Asked(OrderId));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_refuse_other_content_before_there_is_an_outcome(bool isAbandoned)
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLostAfter);
        if (isAbandoned)
            Advance(Lease);
        var other = await HearAsync<MoneyRefused>(Two.AskAsync(TakeMoney with { Cents = 1 }));
        Assert.Equal("KEY_REUSED", other.Reason);
        Assert.Equal("charge", Gateway.Asked(OrderId));
        Advance(Lease);
        await HearAsync<MoneyTaken>(Two.AskAsync(TakeMoney));
    }
}

public sealed class When_a_call_outside_goes_wrong_on_PostgreSQL(OnPostgres server) : When_a_call_outside_goes_wrong<OnPostgres>(server);

public sealed class When_a_call_outside_goes_wrong_on_SQL_Server(OnSqlServer server) : When_a_call_outside_goes_wrong<OnSqlServer>(server);
