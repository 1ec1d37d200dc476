namespace OrderSaga.Orchestrator.Tests;

/// <summary>The pure core over the real table: who is asked what, in which order, and where it ends.</summary>
public class When_a_decision_is_made
{
    private static readonly Route Route = new OrderStateMachine(TimeProvider.System).CurrentRoute;

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Route.Count)];

    public static TheoryData<int> RowsThatTurnBack => [.. Enumerable.Range(0, Route.Count).Where(i => !Route[i].PastReturn)];

    [Fact]
    public void Should_ask_one_step_after_the_other()
    {
        var (asked, end, states) = Run(_ => false);
        Assert.Equal(Route.Select(r => r.Name), asked);
        Assert.Equal(Ending.Completed, end);
        Assert.Equal(["Pending", "OrderCreated", "InventoryReserved", "PriceFrozen", "PaymentCharged", "ShipmentCreated", "Complete"], states);
    }

    [Theory]
    [MemberData(nameof(RowsThatTurnBack))]
    public void Should_undo_exactly_what_was_done_backwards(int refused)
    {
        var (asked, end, states) = Run(i => i == refused);
        var forth = Route.Take(refused + 1).Select(r => r.Name);
        var back = Route.Take(refused).Reverse().Select(r => r.Undo!);
        Assert.Equal([.. forth, .. back, Route.Apology], asked);
        Assert.Equal(Ending.Compensated, end);
        Assert.Equal(["Compensating", "Compensated"], states.TakeLast(2));
    }

    [Fact]
    public void Should_not_turn_back_past_the_point_of_no_return()
    {
        var (asked, end, _) = Run(i => Route[i].PastReturn);
        Assert.Equal(Route.Select(r => r.Name), asked);
        Assert.Equal(Ending.Completed, end);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Should_ignore_an_answer_that_it_does_not_wait_for(int row)
    {
        var now = Decision.Of(Progress.New(Route), Route, new Happening.Submitted()).After;
        for (var i = 0; i <= row; i++)
        {
            now = Decision.Of(now, Route, new Happening.Done(Route[i].Name)).After;
            Happening[] strangers = [new Happening.Submitted(), new Happening.Done(Route[i].Name), new Happening.Refused(Route[i].Name, "LATE", null), new Happening.Undone(Route[i].Name), new Happening.Apologised()];
            foreach (var stranger in strangers)
            {
                var decision = Decision.Of(now, Route, stranger);
                Assert.Equal(("ignored", now), (decision.Says, decision.After));
                Assert.Null(decision.Asks);
                Assert.Null(decision.Ends);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Should_ask_the_same_again_after_a_restart(int row)
    {
        var now = Decision.Of(Progress.New(Route), Route, new Happening.Submitted()).After;
        for (var i = 0; i < row; i++)
            now = Decision.Of(now, Route, new Happening.Done(Route[i].Name)).After;
        var decision = Decision.Of(now, Route, new Happening.Restarted());
        Assert.Equal(new Asked(Direction.Do, row, 2), decision.Asks);
        Assert.Equal(now.Steps, decision.After.Steps);
    }

    private static (List<string> Asked, Ending? End, List<string> States) Run(Func<int, bool> refuses)
    {
        var (asked, states) = (new List<string>(), new List<string>());
        var decision = Decision.Of(Progress.New(Route), Route, new Happening.Submitted());
        while (true)
        {
            if (states.LastOrDefault() != decision.After.State)
                states.Add(decision.After.State);
            if (decision.Asks is not { } ask)
                return (asked, decision.Ends, states);
            asked.Add(Route.ActionOf(ask));
            decision = Decision.Of(decision.After, Route, ask.Direction switch
            {
                Direction.Apology => new Happening.Apologised(),
                Direction.Undo => new Happening.Undone(Route[ask.Step].Name),
                _ when refuses(ask.Step) => new Happening.Refused(Route[ask.Step].Name, "NO", null),
                _ => new Happening.Done(Route[ask.Step].Name),
            });
        }
    }
}
