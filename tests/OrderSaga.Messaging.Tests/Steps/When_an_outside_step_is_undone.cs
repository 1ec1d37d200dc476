using OrderSaga.Messaging.Tests.Steps.Support;

namespace OrderSaga.Messaging.Tests.Steps;

/// <summary>An undo never assumes that nothing happened, and undoes exactly what did.</summary>
public abstract class When_an_outside_step_is_undone<TServer>(TServer server) : StepKit<TServer>(server)
    where TServer : Server
{
    [Fact]
    public async Task Should_undo_what_was_done_under_a_key_of_its_own()
    {
        var taken = await HearAsync<MoneyTaken>(One.AskAsync(TakeMoney));
        var back = await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack));
        Assert.Equal(taken.Reference, back.Reference);
        Assert.Equal([$"saga:{OrderId}:TakeMoney", $"saga:{OrderId}:GiveBack"], Gateway.Keys(OrderId));
        Assert.Equal("798 money back", await HeldAsync());
        Assert.Equal(0, await OpenAsync());
    }

    [Fact]
    public async Task Should_not_answer_while_the_call_may_still_land()
    {
        Gateway.Does(OrderId, Habit.StandsStill);
        var first = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        await HearNothingAsync(Two.AskAsync(GiveBack));
        Gateway.GoOn();
        await HearAsync<MoneyTaken>(first);
        Assert.False((await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack))).NothingToUndo);
        Assert.Equal("charge refund", Gateway.Asked(OrderId));
        Assert.Equal("done, undone", await LogAsync());
    }

    [Fact]
    public async Task Should_find_out_what_a_dead_process_did_and_undo_it()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLostAfter);
        Advance(Lease);
        Assert.False((await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack))).NothingToUndo);
        Assert.Equal("charge find refund", Gateway.Asked(OrderId));
        Assert.Equal("done, undone", await LogAsync());
        Assert.Equal("798 money back", await HeldAsync());
        await HearAsync<MoneyTaken>(Two.AskAsync(TakeMoney));
        Assert.Equal(0, Gateway.Net(OrderId));
        Assert.Empty(World.Reports.Errors);
    }

    [Fact]
    public async Task Should_bar_what_a_dead_process_had_not_done()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLost);
        Advance(Lease);
        Assert.True((await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack))).NothingToUndo);
        Assert.Equal("ALREADY_UNDONE", (await HearAsync<MoneyRefused>(Two.AskAsync(TakeMoney))).Reason);
        Assert.Equal("charge find", Gateway.Asked(OrderId));
        Assert.Equal("barred, nothing to undo", await LogAsync());
        Assert.Equal(1, await OpenAsync());
    }

    [Fact]
    public async Task Should_find_nothing_to_undo_where_a_dead_process_was_declined()
    {
        await DieInCallAsync(One, TakeMoney with { Cents = TestGateway.Limit + 1 }, Habit.IsLostAfter);
        Advance(Lease);
        Assert.True((await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack))).NothingToUndo);
        Assert.Equal("refused, nothing to undo", await LogAsync());
        Assert.Equal(0, await OpenAsync());
    }

    [Fact]
    public async Task Should_confirm_nothing_while_the_outside_cannot_say_what_happened()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLostAfter);
        Advance(Lease);
        Gateway.IsLookUpAway = true;
        await HearFaultAsync<IOException>(Two.AskAsync(GiveBack));
        Assert.Equal("", await LogAsync());
        Gateway.IsLookUpAway = false;
        // Nobody has to wait for a lease of somebody who only asked.
        await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack));
        Assert.Equal(0, Gateway.Net(OrderId));
    }

    [Theory]
    [InlineData(Habit.FailsBefore)]
    [InlineData(Habit.FailsAfter)]
    public async Task Should_go_on_with_the_same_key_when_the_undo_fails(Habit error)
    {
        await One.AskAsync(TakeMoney);
        Gateway.Does(OrderId, error, error, error, error);
        await HearFaultAsync<IOException>(One.AskAsync(GiveBack));
        Assert.Equal("done", await LogAsync());
        await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack));
        Assert.Equal("charge refund refund refund refund refund", Gateway.Asked(OrderId));
        Assert.Equal(2, Gateway.Keys(OrderId).Count);
        Assert.Equal("done, undone", await LogAsync());
        Assert.Equal(0, Gateway.Net(OrderId));
    }

    [Theory]
    [InlineData(Habit.IsLost)]
    [InlineData(Habit.IsLostAfter)]
    public async Task Should_take_up_an_undo_whose_process_died(Habit habit)
    {
        await One.AskAsync(TakeMoney);
        var command = Guid.NewGuid();
        await DieInCallAsync(One, GiveBack, habit, command);
        Advance(Lease);
        var answer = await Two.AskAsync(GiveBack, command);
        Assert.Equal(MessageId.Derive(command, nameof(MoneyGivenBack)), answer!.Id);
        Assert.Equal(0, Gateway.Net(OrderId));
        Assert.Equal("done, undone", await LogAsync());
        Assert.Equal(0, await OpenAsync());
    }

    [Fact]
    public async Task Should_undo_once_although_a_process_that_stood_still_goes_on_with_it()
    {
        await One.AskAsync(TakeMoney);
        Gateway.Does(OrderId, Habit.StandsStill);
        var asleep = One.AskAsync(GiveBack);
        await Gateway.UntilAskedAsync(OrderId, "charge refund");
        Advance(Lease);
        var undo = await Two.AskAsync(GiveBack);
        Gateway.GoOn();
        Assert.Equal(undo!.Body, (await asleep)!.Body);
        Assert.Equal(0, Gateway.Net(OrderId));
        Assert.Equal("done, undone", await LogAsync());
        Assert.Equal(0, await OpenAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("charge")]
    public async Task Should_see_what_is_done_while_it_begins(string asked)
    {
        Gateway.Does(OrderId, asked.Length == 0 ? Habit.Answers : Habit.StandsStill);
        var first = asked.Length == 0 ? null : One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, asked);
        Advance(Lease);
        World.Interruption.Comes(async () =>
        {
            Gateway.GoOn();
            await (first ?? One.AskAsync(TakeMoney));
        });
        Assert.False((await HearAsync<MoneyGivenBack>(Two.AskAsync(GiveBack))).NothingToUndo);
        Assert.Equal("charge refund", Gateway.Asked(OrderId));
        Assert.Empty(World.Reports.Errors);
    }

    [Fact]
    public async Task Should_leave_alone_what_another_has_taken_up_since()
    {
        await One.AskAsync(TakeMoney);
        Gateway.Does(OrderId, Habit.StandsStillAndFails, Habit.IsLost);
        var asleep = One.AskAsync(GiveBack);
        await Gateway.UntilAskedAsync(OrderId, "charge refund");
        Advance(Lease);
        var second = Two.AskAsync(GiveBack);
        await Gateway.UntilAskedAsync(OrderId, "charge refund refund");
        Gateway.GoOn();
        await HearNothingAsync(asleep);
        Advance(Lease);
        await HearAsync<MoneyGivenBack>(second);
    }

    [Fact]
    public async Task Should_not_bar_what_another_has_taken_up_since()
    {
        await DieInCallAsync(await StartAsync(), TakeMoney, Habit.IsLost);
        Advance(Lease);
        Gateway.Does(OrderId, Habit.LooksLong, Habit.IsLost);
        var undo = One.AskAsync(GiveBack);
        await Gateway.UntilAskedAsync(OrderId, "charge find");
        Advance(Lease);
        var second = Two.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge find find charge");
        Gateway.GoOn();
        await HearNothingAsync(undo);
        Advance(Lease);
        await HearAsync<MoneyTaken>(second);
        Assert.Empty(World.Reports.Errors);
    }

    [Fact]
    public async Task Should_undo_once_when_two_ask_at_once()
    {
        await One.AskAsync(TakeMoney);
        Gateway.Does(OrderId, Habit.StandsStill);
        var first = One.AskAsync(GiveBack);
        await Gateway.UntilAskedAsync(OrderId, "charge refund");
        await HearNothingAsync(Two.AskAsync(GiveBack));
        Gateway.GoOn();
        Assert.Equal((await first)!.Body, (await Two.AskAsync(GiveBack))!.Body);
        Assert.Equal("charge refund", Gateway.Asked(OrderId));
    }

    [Fact]
    public async Task Should_let_one_of_two_undos_find_out()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLostAfter);
        var three = await StartAsync();
        Advance(Lease);
        Gateway.Does(OrderId, Habit.StandsStill);
        var asks = Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? Two : three).Ask(GiveBack).Handled.Task).ToList();
        await World.Signal.UntilAsync(() => Gateway.IsStandingStill(OrderId) && asks.Count(a => a.IsCompleted) == 19, "one of twenty is at it");
        Gateway.GoOn();
        Assert.Single(await Task.WhenAll(asks), answer => answer is not null);
        Assert.Equal("charge find refund", Gateway.Asked(OrderId));
    }
}

public sealed class When_an_outside_step_is_undone_on_PostgreSQL(OnPostgres server) : When_an_outside_step_is_undone<OnPostgres>(server);

public sealed class When_an_outside_step_is_undone_on_SQL_Server(OnSqlServer server) : When_an_outside_step_is_undone<OnSqlServer>(server);
