namespace OrderSaga.Orchestrator;

/// <summary>What can happen to an order.</summary>
internal abstract record Happening
{
    /// <summary>The order was accepted.</summary>
    public sealed record Submitted : Happening;

    /// <summary>A step was done.</summary>
    public sealed record Done(string Step) : Happening;

    /// <summary>A business no: the participant did nothing.</summary>
    public sealed record Refused(string Step, string Reason, string? Detail) : Happening;

    /// <summary>An undo was confirmed.</summary>
    public sealed record Undone(string Step) : Happening;

    /// <summary>The customer was told that the order is cancelled.</summary>
    public sealed record Apologised : Happening;

    /// <summary>The process that held the transport's messages is gone, and they with it.</summary>
    public sealed record Restarted : Happening;
}

/// <summary>How an order came to rest.</summary>
internal enum Ending
{
    Completed,
    Compensated,
}

/// <summary>
/// The heart: what follows from where an order stands and what happened to it. No bus, no database, no clock; everything that moves an
/// order (the state machine's cells, intake, recovery) calls it, and there is no second copy of any transition.
/// </summary>
/// <param name="After">Where the order stands now.</param>
/// <param name="Says">What the log says of it.</param>
/// <param name="Asks">What is asked next, if anything new is.</param>
/// <param name="Ends">How the order came to rest, if it just did.</param>
internal sealed record Decision(Progress After, string Says, Asked? Asks = null, Ending? Ends = null)
{
    public static Decision Of(Progress now, Route route, Happening happening) => happening switch
    {
        Happening.Submitted => now.State == StateNames.Initial
            ? Ask(now with { State = StateNames.Pending }, new(Direction.Do, 0, 1), "submitted")
            : Ignored(now),
        Happening.Done(var step) => OnStep(now, route, step, Direction.Do, i => Forward(now.With(i, StepStatus.Done), route, i, "done")),
        Happening.Refused(var step, var reason, _) => OnStep(now, route, step, Direction.Do, i => route[i].PastReturn
            // A confirmation that cannot be sent as asked is reported, and turns nothing back.
            ? Forward(now.With(i, StepStatus.Refused), route, i, "refused")
            : Back(now.With(i, StepStatus.Refused) with { State = StateNames.Compensating, Reason = reason }, i, "refused")),
        Happening.Undone(var step) => OnStep(now, route, step, Direction.Undo, i => Back(now.With(i, StepStatus.Undone), i, "undone")),
        Happening.Apologised => now.IsAsked(Direction.Apology, route.Count)
            ? new(now with { State = StateNames.Compensated, Asked = null }, "apologised", Ends: Ending.Compensated)
            : Ignored(now),
        Happening.Restarted => now.Asked is { } asked
            ? Ask(now, asked with { Attempt = asked.Attempt + 1 }, "restarted")
            : Ignored(now),
        _ => throw new InvalidOperationException($"Nothing is decided for {happening}."),
    };

    private static Decision OnStep(Progress now, Route route, string step, Direction direction, Func<int, Decision> decide)
    {
        var i = route.IndexOf(step);
        return i >= 0 && now.IsAsked(direction, i) ? decide(i) : Ignored(now);
    }

    // On to the next row of the order's own route; the last answer completes it.
    private static Decision Forward(Progress now, Route route, int answered, string says)
    {
        var next = answered + 1;
        var reached = route[answered].PastReturn ? now : now with { State = route[answered].Reaches };
        return next < route.Count
            ? Ask(reached, new(Direction.Do, next, 1), says)
            : new(reached with { State = StateNames.Complete, Asked = null }, says, Ends: Ending.Completed);
    }

    // The mirror: the last step that is still done is undone next, and after the first one comes the apology.
    private static Decision Back(Progress now, int from, string says)
    {
        for (var i = from - 1; i >= 0; i--)
            if (now.Steps[i] == StepStatus.Done)
                return Ask(now, new(Direction.Undo, i, 1), says);
        return Ask(now, new(Direction.Apology, now.Steps.Length, 1), says);
    }

    private static Decision Ask(Progress now, Asked asked, string says)
    {
        var marked = asked.Direction switch
        {
            Direction.Do => now.With(asked.Step, StepStatus.Asked),
            Direction.Undo => now.With(asked.Step, StepStatus.Undoing),
            _ => now,
        };
        return new(marked with { Asked = asked }, says, asked);
    }

    private static Decision Ignored(Progress now) => new(now, "ignored");
}
