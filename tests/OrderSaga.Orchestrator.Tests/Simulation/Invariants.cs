namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>What holds after every single decision, whatever came before it.</summary>
internal static class Invariants
{
    public static void Check(Promises promises, Route route, Progress before, Happening happening, Decision decision)
    {
        var now = decision.After;
        if (Wrong(route, before, happening, decision, now) is { } wrong)
            promises.Break("every decision leaves the row consistent", $"{wrong} (after {happening}: {decision.Says}, {now.State}, asked {now.Asked}, {string.Join(' ', now.Steps)})");
    }

    private static string? Wrong(Route route, Progress before, Happening happening, Decision decision, Progress now)
    {
        if (now.Token < before.Token)
            return "the token goes down";
        if (now.Due != before.Due && now.Due is not null && now.Token == before.Token)
            return "a new deadline has the old token";
        if (decision.Asks is { } asks && (now.Asked != asks || asks.Phase != Phase.Awaiting || now.Deadline is null || now.Token == before.Token))
            return "what is asked is not what is awaited";
        if (decision.Says is Said.Ignored or Said.Denied && now != before)
            return "nothing was said, and the row changed";
        if (decision.Ends is { } ends && now.Ended != ends)
            return "the ending that is published is not the row's";
        if (before.Ended is not null && (now.Ended is null || now.Ended < before.Ended))
            return "an ending is taken back";
        if ((before.Told && !now.Told) || (before.Alerted && !now.Alerted) || (before.Seen & ~now.Seen) != 0)
            return "what was once told or seen is forgotten";
        if (before.Told && decision.Asks is { Direction: Direction.Apology })
            return "the customer is told twice";
        if (happening is Happening.Undone { Nothing: false } confirmed && route.IndexOf(confirmed.Step) is >= 0 and var i && before.Steps[i] == StepStatus.Stuck && now.Steps[i] == StepStatus.Stuck)
            return "a confirmed undo stays stuck";
        return Wait(now) ?? Marks(route, now);
    }

    private static string? Wait(Progress now)
    {
        if (now.State == StateNames.Initial)
            return now.Asked is null ? null : "asked before it was submitted";
        if (now.Asked is null)
            return !StateNames.IsEnd(now.State) ? "nothing is awaited" : now.Due is not null ? "at rest, but a timer is set" : now.PausedAt is not null ? "at rest, but paused" : null;
        if (now.Asked is { Phase: Phase.Held } && now.PausedAt is null)
            return "held, but not paused";
        if (now.PausedAt is null && now.Due is null)
            return "something is awaited without a timer";
        if (now.Asked is { Phase: not Phase.Held } && now.Deadline is null)
            return "something is awaited without a deadline";
        if (now.Asked is { Direction: not Direction.Do } && now.SagaDeadline is not null)
            return "a mirror has the whole order's deadline";
        return now.Asked is { Attempt: < 1 } ? "an attempt is not counted" : null;
    }

    private static string? Marks(Route route, Progress now)
    {
        var (undoing, done, stuck, highest, doubt, past) = (0, 0, false, -1, false, false);
        for (var i = 0; i < route.Count; i++)
        {
            var mark = now.Steps[i];
            undoing += mark == StepStatus.Undoing ? 1 : 0;
            stuck |= mark == StepStatus.Stuck;
            doubt |= mark is StepStatus.Asked or StepStatus.Silent or StepStatus.Faulted;
            past |= route[i].PastReturn && mark != StepStatus.Waiting;
            if (mark == StepStatus.Done)
            {
                done++;
                highest = route[i].PastReturn ? highest : i;
            }

            if (mark == StepStatus.Done && !now.WasSeen(i) && now.State == StateNames.Compensating)
                return $"step {i} is done, but not seen";
        }

        if (undoing > 1 || (undoing == 1 && now.Asked is not { Direction: Direction.Undo }))
            return "an undo is marked that is not asked";
        if (stuck && !now.Alerted)
            return "an undo is stuck, and nobody was alerted";
        if (past && now.State is StateNames.Compensating or StateNames.Compensated or StateNames.Failed)
            return "turned back past the point of no return";
        var resting = now.Asked is null;
        return now.State switch
        {
            StateNames.Initial => null,
            StateNames.Compensating => now.Ended is null && !resting ? null : "it came to rest, but is called Compensating",
            StateNames.Compensated => stuck || (resting && (done > 0 || doubt || undoing > 0)) ? "Compensated, and something is left" : null,
            StateNames.Failed => resting && (!stuck || done > 0 || doubt || undoing > 0) ? "Failed, and something else than what is stuck is left" : null,
            StateNames.Complete => resting && highest + 1 == route.Count(r => !r.PastReturn) && !doubt && !stuck ? null : "Complete, and not all is done",
            _ => stuck || undoing > 0 ? "forward, with an undo"
                : now.State == (highest < 0 ? StateNames.Pending : route[highest].Reaches) ? null : "the state is not named by the last done step",
        };
    }
}
