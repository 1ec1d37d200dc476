namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>What must hold of every single decision, whatever happened in whatever state.</summary>
internal sealed class Promise(Route route, Patience patience)
{
    /// <summary>The good answer to an ask.</summary>
    public static Happening AnswerTo(Route route, Asked asked) => asked.Direction switch
    {
        Direction.Do => new Happening.Done(route[asked.Step].Name),
        Direction.Undo => new Happening.Undone(route[asked.Step].Name),
        _ => new Happening.Apologised(),
    };

    /// <summary>The rules that a decision breaks, in words; none if it is right.</summary>
    public IReadOnlyList<string> Broken(Progress before, DateTimeOffset at, Happening happening, Decision decision) =>
        [.. Rules(before, at, happening, decision).Where(rule => !rule.Holds).Select(rule => $"{rule.Says}: {happening} on {before} gave {decision}")];

    private IEnumerable<(bool Holds, string Says)> Rules(Progress before, DateTimeOffset at, Happening happening, Decision decision) =>
    [
        .. Waiting(before, at, decision), .. Timers(before, at, happening, decision), .. Commands(before, happening, decision),
        .. Memory(before, happening, decision), .. Rest(before, decision), .. StuckOnes(before, happening, decision),
    ];

    // Every state that waits has a timer, and one that does not has none.
    private static IEnumerable<(bool Holds, string Says)> Waiting(Progress before, DateTimeOffset at, Decision decision)
    {
        var now = decision.After;
        yield return (now.Asked is not null || now is { Due: null, Deadline: null, SagaDeadline: null }, "nothing is awaited, yet a timer is set");
        yield return (now.Asked is null == (StateNames.IsEnd(now.State) || now.State == StateNames.Initial) || now.Ended is not null, "an order that has not ended waits for nothing");
        yield return (now.PausedAt is null ? now.Asked is null == now.Due is null : now.Due is null, "a timer is due if and only if something is awaited and the order is not paused");
        yield return (now.PausedAt is not null || now.Asked is not { Phase: Phase.Held }, "an ask is held though the order is not paused");
        yield return (now.PausedAt is null || now.Asked is not null, "an order at rest is paused");
        yield return (decision.Asks is null || (now.Asked == decision.Asks && now.Deadline > at && now.Asked?.Phase == Phase.Awaiting), "what is asked is not awaited");
        yield return (decision.Asks is null || now.PausedAt is null, "a paused order asks");
        yield return (before.Asked is not null || now.Asked is null || decision.Asks is not null, "what begins to be awaited was not asked");
    }

    private static IEnumerable<(bool Holds, string Says)> Timers(Progress before, DateTimeOffset at, Happening happening, Decision decision)
    {
        var now = decision.After;
        var moved = (before.Asked, before.Deadline, before.SagaDeadline) != (now.Asked, now.Deadline, now.SagaDeadline);
        yield return (moved || decision.Asks is not null ? now.Token > before.Token : now.Token >= before.Token, "the token does not tell the new deadline from the old one");
        if (happening is Happening.TimeUp timer && (timer.Token != before.Token || !(before.Due <= at)))
            yield return (decision.Says == Said.Ignored, "a timer acted that was not the one that is due");
        if (decision.Says is Said.Ignored or Said.Denied)
            yield return (now.Equals(before) && decision is { Asks: null, Ends: null, Stuck: null, Settled: null, Alert: null }, "what is ignored or denied changed something");
        if (decision.Says == Said.Unheard)
            yield return (decision.Asks == before.Asked && decision is { Stuck: null, Settled: null, Alert: null, Ends: null }, "what could not be heard had a consequence");
        if (happening is Happening.Restarted)
            yield return (before is { Asked.Phase: Phase.Awaiting, PausedAt: null } ? decision.Asks == before.Asked : decision.Asks is null, "a restart asks something else than what was lost");
    }

    private static IEnumerable<(bool Holds, string Says)> Commands(Progress before, Happening happening, Decision decision)
    {
        if (decision.Asks is not { } ask)
            yield break;
        var after = decision.After.Steps;
        var mirrors = decision.After.State is StateNames.Compensating or StateNames.Compensated or StateNames.Failed;
        yield return (ask.Direction == Direction.Do != mirrors, "a step is done in the mirror, or undone on the way forward");
        yield return (ask.Direction != Direction.Do || before.Steps[ask.Step] is StepStatus.Waiting or StepStatus.Asked, "a step is asked that was answered before");
        yield return (ask.Direction != Direction.Do || after.Take(ask.Step).All(s => s is StepStatus.Done or StepStatus.Refused),
            "a step is asked before those before it are done");
        yield return (ask.Direction != Direction.Undo || !after.Skip(ask.Step + 1).Any(ToUndo) || before.IsAsked(Direction.Undo, ask.Step),
            "a step is undone before one that came after it");
        yield return (ask.Direction != Direction.Undo || (before.Steps[ask.Step] is not (StepStatus.Waiting or StepStatus.Undone)) || happening is Happening.Done,
            "a step is undone that was never asked for");
        yield return (ask.Direction != Direction.Apology || (!before.Told && (before.Asked?.Direction == Direction.Apology || !after.Any(ToUndo))),
            "the customer is told twice, or before all is undone");
    }

    private IEnumerable<(bool Holds, string Says)> Memory(Progress before, Happening happening, Decision decision)
    {
        var now = decision.After;
        yield return ((before.Seen & ~now.Seen) == 0, "what was seen done is forgotten");
        yield return (now.Told || !before.Told, "that the customer was told is forgotten");
        yield return (now.Alerted || !before.Alerted, "that somebody was alerted is forgotten");
        yield return (now.Reason is not null == (now.State is StateNames.Compensating or StateNames.Compensated or StateNames.Failed), "a mirror has no reason, or a reason no mirror");
        yield return (before.Reason is null || before.Reason == now.Reason || happening is Happening.TooLate, "the reason is lost");
        yield return (before.Reason is null || now.Reason is not null || !now.Steps.Any(s => s is StepStatus.Undone or StepStatus.Nothing or StepStatus.Stuck),
            "the mirror is left after something was undone");
        yield return (!before.Steps.Zip(now.Steps).Any(s => s.First == StepStatus.Undone && s.Second != StepStatus.Undone), "what was undone is not undone any more");
        yield return (!route.Where((r, i) => r.PastReturn && before.Steps[i] != StepStatus.Waiting).Any() || now.Reason is null, "the order turns back past the point of no return");
        yield return (before.CancelReason is null || now.CancelReason is not null || now.Reason is not null, "a cancel that waits is swallowed");
    }

    // The three ends of RULES section 1, and what is published of them.
    private IEnumerable<(bool Holds, string Says)> Rest(Progress before, Decision decision)
    {
        var now = decision.After;
        var rests = now.Asked is null;
        yield return (now.Ended == (decision.Ends ?? before.Ended), "the row does not know what was published");
        yield return (decision.Ends is null || decision.Ends == (before.Ended, now.State) switch
        {
            (null, StateNames.Complete) => Ending.Completed,
            (null, StateNames.Compensated) => Ending.Compensated,
            (null, StateNames.Failed) => Ending.Failed,
            (Ending.Failed, StateNames.Compensated) => Ending.Repaired,
            _ => null,
        }, "an ending is published twice, or not the one that was reached");
        yield return (now.Ended is not null || !StateNames.IsEnd(now.State), "the end is reached and not published");
        yield return (before.State != StateNames.Complete || now.Equals(before), "a complete order changed");
        yield return (now.State != StateNames.Complete || !now.Told, "a complete order was apologised for");
        yield return (now.State != StateNames.Complete || now.Steps.Zip(route).All(s => s.First == StepStatus.Done || (s.First == StepStatus.Refused && s.Second.PastReturn)),
            "an order is complete without a step");
        yield return (now.State is not (StateNames.Compensated or StateNames.Failed) || now.Told, "the customer was not told");
        yield return (now.State != StateNames.Compensated || !now.Steps.Contains(StepStatus.Stuck), "an order is compensated and an undo is stuck");
        yield return (!rests || now.Reason is null || !now.Steps.Any(s => ToUndo(s) || s == StepStatus.Undoing), "an order rests and something is not undone");
        yield return (!rests || now.State != StateNames.Failed || now.Steps.Contains(StepStatus.Stuck), "an order has failed and nothing is stuck");
    }

    private IEnumerable<(bool Holds, string Says)> StuckOnes(Progress before, Happening happening, Decision decision)
    {
        var now = decision.After;
        foreach (var (i, was, @is) in before.Steps.Zip(now.Steps).Select((s, i) => (i, s.First, s.Second)))
        {
            yield return (decision.Stuck?.Step == i == (was != StepStatus.Stuck && @is == StepStatus.Stuck), "what is stuck is not put on the list");
            yield return (was != StepStatus.Stuck || @is == StepStatus.Stuck || decision.Settled == i || happening is Happening.Retried, "what is stuck is forgotten");
        }

        yield return (decision.Stuck is null || happening is Happening.TooLate || decision.Stuck.Attempts == patience.UndoPauses.Count + 1, "an undo is stuck before its tries are used up");
        yield return (decision.Stuck is null || decision.Alert is not null != before.Alerted, "a stuck undo alerts once for each order");
    }

    private static bool ToUndo(StepStatus status) => status is StepStatus.Done or StepStatus.Asked or StepStatus.Silent or StepStatus.Faulted;
}
