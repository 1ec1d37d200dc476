using OrderSaga.Messaging.Tests.Steps.Support;

namespace OrderSaga.Messaging.Tests.Steps;

/// <summary>What a dead process left behind is finished even if its command never comes again.</summary>
public abstract class When_nobody_asks_any_more<TServer>(TServer server) : StepKit<TServer>(server)
    where TServer : Server
{
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(1);
    private readonly Guid command = Guid.NewGuid();

    [Fact]
    public async Task Should_record_and_answer_at_the_next_start_what_was_done()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLostAfter, command);
        Advance(Lease);
        var next = await StartAsync(looksByItself: true);
        await AssertAnsweredAsync<MoneyTaken>(next);
        Assert.Equal("done", await LogAsync());
        Assert.Equal("798 money", await HeldAsync());
    }

    [Fact]
    public async Task Should_look_every_minute()
    {
        var looking = await StartAsync(looksByItself: true);
        await DieInCallAsync(One, TakeMoney, Habit.IsLostAfter, command);
        Advance(Look);
        await AssertAnsweredAsync<MoneyTaken>(looking);
    }

    [Fact]
    public async Task Should_finish_an_undo_and_answer_it()
    {
        await One.AskAsync(TakeMoney);
        await DieInCallAsync(One, GiveBack, Habit.IsLost, command);
        await Two.LookAsync();
        Assert.Equal("charge refund", Gateway.Asked(OrderId));
        Advance(Look);
        await Two.LookAsync();
        await AssertAnsweredAsync<MoneyGivenBack>(Two);
        Assert.Equal("done, undone", await LogAsync());
        Assert.Equal(0, Gateway.Net(OrderId));
    }

    [Fact]
    public async Task Should_neither_call_nor_decide_anything_of_what_the_outside_does_not_know()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLost, command);
        Advance(Lease);
        await Two.LookAsync();
        Assert.Equal("charge find", Gateway.Asked(OrderId));
        Assert.Equal("", await LogAsync());
        // Whoever asks meanwhile does not have to wait for the next look.
        await HearAsync<MoneyTaken>(Two.AskAsync(TakeMoney));
        Assert.Equal(1, Gateway.Net(OrderId));
        Assert.Equal(0, await OpenAsync());
    }

    [Fact]
    public async Task Should_record_what_lands_after_the_first_look()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLost, command);
        Advance(Lease);
        await Two.LookAsync();
        Gateway.Lands(OrderId);
        Advance(Look);
        await Two.LookAsync();
        await AssertAnsweredAsync<MoneyTaken>(Two);
    }

    [Fact]
    public async Task Should_let_one_of_two_nodes_look()
    {
        var orders = Enumerable.Range(0, 20).Select(_ => Guid.NewGuid()).ToList();
        foreach (var order in orders)
        {
            Gateway.Does(order, Habit.IsLostAfter);
            One.Ask(TakeMoney with { OrderId = order });
            await World.Signal.UntilAsync(() => Gateway.HasDone(order, typeof(TakeMoney)), "the call lands");
        }

        await One.DisposeAsync();
        var three = await StartAsync();
        Advance(Lease);
        await Task.WhenAll(Two.LookAsync(), three.LookAsync(), Two.LookAsync(), three.LookAsync());
        Assert.Equal(20, Two.Said.Count + three.Said.Count);
        foreach (var order in orders)
        {
            Assert.Equal("charge find", Gateway.Asked(order));
            Assert.Equal("done", await LogAsync(order));
        }
    }

    [Fact]
    public async Task Should_leave_alone_what_somebody_is_at()
    {
        Gateway.Does(OrderId, Habit.StandsStill);
        var first = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        await Two.LookAsync();
        Gateway.GoOn();
        await HearAsync<MoneyTaken>(first);
        Assert.Equal("charge", Gateway.Asked(OrderId));
    }

    private async Task AssertAnsweredAsync<T>(StepNode node)
    {
        var id = MessageId.Derive(command, typeof(T).Name);
        await World.Signal.UntilAsync(() => node.Said.Any(a => a.Id == id), $"{typeof(T).Name} is published in answer to the ask");
        Assert.IsType<T>(Assert.Single(node.Said, a => a.Id == id).Message);
    }
}

public sealed class When_nobody_asks_any_more_on_PostgreSQL(OnPostgres server) : When_nobody_asks_any_more<OnPostgres>(server);

public sealed class When_nobody_asks_any_more_on_SQL_Server(OnSqlServer server) : When_nobody_asks_any_more<OnSqlServer>(server);
