using System.Collections.Immutable;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator;

/// <summary>How long, and how often.</summary>
/// <param name="Asks">How often a step is asked for within its time.</param>
/// <param name="UndoTime">How long an undo may take.</param>
/// <param name="UndoPauses">The pauses before an undo is tried again; after the last one it is stuck.</param>
/// <param name="SagaTime">How long a whole order may take, long-running steps not counted.</param>
/// <param name="LongestPause">Where the pauses of what is asked until it answers stop growing.</param>
internal sealed record Patience(int Asks, TimeSpan UndoTime, IReadOnlyList<TimeSpan> UndoPauses, TimeSpan SagaTime, TimeSpan LongestPause);

/// <summary>
/// The heart: what follows from where an order stands and what happened to it. No bus, no database, no clock; everything that moves an
/// order (the state machine's cells, intake, the sweep, operators) comes here, and there is no second copy of any transition.
/// </summary>
internal sealed class Decider(Route route, Patience patience, DateTimeOffset at)
{
    private static readonly TimeSpan LongestBeat = TimeSpan.FromDays(1);

    public const string SagaOutOfTime = "OUT_OF_TIME", StepSilent = "STEP_SILENT", StepFaulted = "STEP_FAULTED";

    public Decision Decide(Progress now, Happening happening) => happening switch
    {
        Happening.Submitted => now.State == StateNames.Initial
            ? Ask(now with { State = StateNames.Pending, SagaDeadline = at + patience.SagaTime }, new(Direction.Do, 0, 1), Said.Submitted)
            : Ignored(now),
        Happening.Done e => OnRoute(now, e.Step, i => Done(now, i)),
        Happening.Refused e => OnRoute(now, e.Step, i => Refused(now, i, e)),
        Happening.Undone e => OnRoute(now, e.Step, i => Undone(now, i, e.Nothing)),
        Happening.TooLate e => OnRoute(now, e.Step, i => TooLate(now, i, e.Reason)),
        Happening.Faulted e => now.Asked is { Phase: Phase.Awaiting } asked && route.ActionOf(asked) == e.Action ? Faulted(now, asked, e.Error) : Ignored(now),
        Happening.Apologised => now.IsAsked(Direction.Apology, route.Count) ? Back(now with { Told = true }, Said.Apologised) : Ignored(now),
        Happening.TimeUp e => e.Token == now.Token && now.Due <= at ? TimeUp(now, e) : Ignored(now),
        Happening.StillAtWork e => OnRoute(now, e.Step, i => StillAtWork(now, i, e.Until)),
        Happening.Cancelled e => Cancelled(now, e.Reason),
        Happening.Restarted => Restarted(now),
        Happening.Retried e => OnStuck(now, e.Step, i => Retried(now, i)),
        Happening.Resolved e => OnStuck(now, e.Step, i => Tick(now, i, now.WasSeen(i) ? StepStatus.Undone : StepStatus.Nothing, Said.Resolved) with { Detail = e.Evidence is null ? e.Reason : $"{e.Reason} ({e.Evidence})" }),
        Happening.Paused when StateNames.IsEnd(now.State) || now.State == StateNames.Initial => Denied(now, "Only an order that is under way can be paused."),
        Happening.Paused when now.PausedAt is not null => Denied(now, "The order is paused already."),
        Happening.Paused e => new(now with { PausedAt = at }, Said.Paused) { Detail = e.Reason },
        Happening.Resumed => now.PausedAt is { } since ? Resumed(now, since) : Denied(now, "The order is not paused."),
        _ => throw new InvalidOperationException($"Nothing is decided for {happening}."),
    };

    // ---- forward ----

    private Decision Done(Progress now, int i)
    {
        if (IsOut(now, i))
            return Forward(now.With(i, StepStatus.Done), i, Said.Done);
        var seen = now with { Seen = now.Seen | (1L << i) };
        return now.Steps[i] switch
        {
            // It was done after all, and nobody would undo it.
            StepStatus.Nothing => Rearm(now.With(i, StepStatus.Done), i),
            StepStatus.Refused when !route[i].PastReturn => Rearm(now.With(i, StepStatus.Done), i),
            // Its undo is asked for already, or will be.
            StepStatus.Asked or StepStatus.Silent or StepStatus.Faulted or StepStatus.Undoing or StepStatus.Stuck => new(seen, Said.Late),
            _ => Ignored(now),
        };
    }

    private Decision Refused(Progress now, int i, Happening.Refused e)
    {
        var detail = e.Detail is null ? e.Reason : $"{e.Reason}: {e.Detail}";
        if (!IsOut(now, i))
            return Ignored(now);
        var marked = now.With(i, StepStatus.Refused);
        return route[i].PastReturn
            ? Forward(marked, i, Said.Refused) with { Detail = detail, Alert = $"{route[i].Name} was refused past the point of no return" }
            : Mirror(marked, e.Reason, Said.Refused) with { Detail = detail };
    }

    // On to the next row of the order's own route; the last answer completes it.
    private Decision Forward(Progress now, int answered, string says)
    {
        var reached = route[answered].PastReturn ? now : now with { State = route[answered].Reaches };
        return answered + 1 < route.Count
            ? Ask(reached, new(Direction.Do, answered + 1, 1), says)
            : new(AtRest(reached) with { State = StateNames.Complete, Ended = Ending.Completed }, says) { Ends = Ending.Completed };
    }

    private Decision StillAtWork(Progress now, int i, DateTimeOffset until)
    {
        // One beat carries no further than a day: a clock that is wrong must not park an order for ever.
        until = until > at + LongestBeat ? at + LongestBeat : until;
        if (!now.IsAsked(Direction.Do, i) || now.Asked!.Value.Phase != Phase.Awaiting || until <= now.Deadline)
            return Ignored(now);
        // The whole saga's time does not count what a long step takes beyond its own.
        var longer = until - now.Deadline!.Value;
        return new(now with { Deadline = until, SagaDeadline = now.SagaDeadline + longer, Token = now.Token + 1 }, Said.StillAtWork);
    }

    // Asked for, and out: what is only held back by a pause has not been asked, and cannot be answered.
    private static bool IsOut(Progress now, int i) => now.IsAsked(Direction.Do, i) && now.Steps[i] != StepStatus.Waiting;

    // ---- time ----

    private Decision TimeUp(Progress now, Happening.TimeUp e)
    {
        // The whole order gets back the time in which nobody could have answered it.
        if (now.SagaDeadline <= at)
            now = now with { SagaDeadline = now.SagaDeadline + DeafTime.Lost([.. e.Deaf, .. e.Elsewhere], now.SagaDeadline.Value - patience.SagaTime, at) };
        if (now.SagaDeadline <= at)
            return Mirror(now, SagaOutOfTime, Said.OutOfTime);
        var asked = now.Asked!.Value;
        return asked.Phase == Phase.Pausing ? Ask(now, asked with { Attempt = asked.Attempt + 1 }, Said.AskedAgain)
            : IsSilence(now, asked, e.Deaf) ? Silent(now, asked)
            : Ask(now, asked, Said.Unheard);
    }

    // It is one only if an answer could have been heard from the ask on. Else the same is asked once more, for the ask itself may not have
    // gone out, and it is not counted.
    private bool IsSilence(Progress now, Asked asked, ImmutableArray<DeafTime> deaf) =>
        now.Deadline <= at && DeafTime.Lost(deaf, now.Deadline.Value - TimeOf(asked), at) == TimeSpan.Zero;

    private Decision Silent(Progress now, Asked asked) => asked.Direction switch
    {
        Direction.Undo => UndoFailed(now, asked, Said.Silent, "no answer"),
        Direction.Do when asked.Attempt < patience.Asks => Ask(now, asked with { Attempt = asked.Attempt + 1 }, Said.AskedAgain),
        Direction.Do when !route[asked.Step].PastReturn => Mirror(now.With(asked.Step, StepStatus.Silent), StepSilent, Said.Silent),
        _ => Insist(now, asked, Said.Silent),
    };

    private Decision Faulted(Progress now, Asked asked, string error) => asked.Direction switch
    {
        Direction.Undo => UndoFailed(now, asked, Said.Faulted, error),
        Direction.Do when !route[asked.Step].PastReturn => Mirror(now.With(asked.Step, StepStatus.Faulted), StepFaulted, Said.Faulted) with { Detail = error },
        _ => Insist(now, asked, Said.Faulted) with { Detail = error },
    };

    // What can neither be undone nor left out is asked for until it is answered, with growing pauses; somebody hears of it once.
    private Decision Insist(Progress now, Asked asked, string says)
    {
        var pause = TimeSpan.FromSeconds(Math.Min(patience.LongestPause.TotalSeconds, Math.Pow(2, Math.Min(asked.Attempt, 30))));
        return Pause(now, asked, pause, says) with { Alert = asked.Attempt == patience.Asks ? $"{route.ActionOf(asked)} is not answered" : null };
    }

    // ---- the mirror ----

    private Decision Mirror(Progress now, string reason, string says) =>
        Back(now with { State = StateNames.Compensating, Reason = reason, SagaDeadline = null, CancelReason = null }, says);

    // The last step that is done or in doubt is undone next; after the first one comes the apology, then the rest.
    private Decision Back(Progress now, string says)
    {
        for (var i = route.Count - 1; i >= 0; i--)
            if (now.Steps[i] is StepStatus.Done or StepStatus.Asked or StepStatus.Silent or StepStatus.Faulted)
                return Ask(now, new(Direction.Undo, i, 1), says);
        return now.Told ? Rest(now, says) : Ask(now, new(Direction.Apology, route.Count, 1), says);
    }

    private Decision Undone(Progress now, int i, bool nothing)
    {
        if (now.IsAsked(Direction.Undo, i))
            return nothing && now.WasSeen(i)
                ? Disbelieved(now, now.Asked!.Value)
                : Back(now.With(i, nothing ? StepStatus.Nothing : StepStatus.Undone), Said.Undone) with { Settled = now.Alerted ? i : null };
        return now.Steps[i] == StepStatus.Stuck && !(nothing && now.WasSeen(i)) ? Tick(now, i, nothing ? StepStatus.Nothing : StepStatus.Undone, Said.Undone) : Ignored(now);
    }

    // Said twice it is still one failure: the pause that runs is not begun again.
    private Decision Disbelieved(Progress now, Asked asked) => asked.Phase == Phase.Awaiting
        ? UndoFailed(now, asked, Said.Faulted, "the participant finds nothing to undo, but it had said that it was done")
        : Ignored(now);

    private Decision UndoFailed(Progress now, Asked asked, string says, string error) => asked.Attempt <= patience.UndoPauses.Count
        ? Pause(now, asked, patience.UndoPauses[asked.Attempt - 1], says) with { Detail = error }
        : GetStuck(now, asked, error);

    private Decision GetStuck(Progress now, Asked asked, string error) => Back(now.With(asked.Step, StepStatus.Stuck) with { Alerted = true }, Said.Stuck) with
    {
        Detail = error,
        Stuck = new(asked.Step, error, asked.Attempt),
        Alert = now.Alerted ? null : $"{route[asked.Step].Undo} is stuck: {error}",
    };

    private Decision TooLate(Progress now, int i, string reason)
    {
        if (!now.IsAsked(Direction.Undo, i))
            return Ignored(now);
        // It is the first undo of all if no step behind it was asked for. An undo that was stuck may have been done in its silence, and one
        // that found nothing may since have been done after all, whatever their marks say now.
        var untouched = now is { Ended: null, Told: false, Alerted: false } && now.Steps.Skip(i + 1).All(s => s == StepStatus.Waiting)
            && !now.Steps.Any(s => s is StepStatus.Undone or StepStatus.Nothing or StepStatus.Stuck);
        return untouched
            // Nothing is lost yet: what cannot be called back is carried through.
            ? Forward(now.With(i, StepStatus.Done) with { Reason = null }, i, Said.TooLate) with { Detail = reason }
            : GetStuck(now, now.Asked!.Value, reason);
    }

    // ---- rest, and what comes after it ----

    private static Decision Rest(Progress now, string says)
    {
        var failed = now.Steps.Contains(StepStatus.Stuck);
        Ending? ends = (now.Ended, failed) switch
        {
            (null, true) => Ending.Failed,
            (null, false) => Ending.Compensated,
            (Ending.Failed, false) => Ending.Repaired,
            _ => null,
        };
        return new(AtRest(now) with { State = failed ? StateNames.Failed : StateNames.Compensated, Ended = ends ?? now.Ended }, says) { Ends = ends };
    }

    // A stuck undo is settled; if nothing else is under way, that may be the end. What was never seen done, and was resolved by hand, may
    // still be done late: then it is undone after all.
    private static Decision Tick(Progress now, int i, StepStatus mark, string says)
    {
        var settled = now.With(i, mark);
        return (now.Asked is null ? Rest(settled, says) : new(settled, says)) with { Settled = i };
    }

    private Decision Retried(Progress now, int i)
    {
        var again = now with { Steps = now.Steps.SetItem(i, now.WasSeen(i) ? StepStatus.Done : StepStatus.Silent) };
        // In a mirror that still runs it waits for its turn.
        return now.Asked is null ? Back(again, Said.Retried) : new(again, Said.Retried);
    }

    private Decision Rearm(Progress now, int i) =>
        (now.Asked is null ? Back(now, Said.Rearmed) : new(now, Said.Rearmed)) with { Alert = $"{route[i].Name} was done after all, though it was refused or its undo had found nothing: it is undone again" };

    // ---- from outside ----

    private Decision Cancelled(Progress now, string reason) => now switch
    {
        { State: StateNames.Compensating or StateNames.Compensated or StateNames.Failed } => Ignored(now),
        { State: StateNames.Initial or StateNames.Complete } => Denied(now, "The order is complete."),
        _ when IsPastReturn(now) => Denied(now, "The order is past the point of no return."),
        { PausedAt: not null, CancelReason: not null } => Ignored(now),
        { PausedAt: not null } => new(now with { CancelReason = reason }, Said.Cancelled) { Detail = reason },
        _ => Mirror(now, reason, Said.Cancelled) with { Detail = reason },
    };

    // From the first row that cannot be undone on, once it is asked for: one that is held because the order is paused is not.
    private bool IsPastReturn(Progress now)
    {
        for (var i = 0; i < route.Count; i++)
            if (route[i].PastReturn && now.Steps[i] != StepStatus.Waiting)
                return true;
        return false;
    }

    // What waits for its pause is in its row and will be asked; only an ask that is out can be lost.
    private Decision Restarted(Progress now) => now.Asked is { Phase: Phase.Awaiting } asked
        ? Ask(now, asked with { Attempt = Math.Max(1, asked.Attempt) }, Said.AskedAgain)
        : Ignored(now);

    private Decision Resumed(Progress now, DateTimeOffset since)
    {
        var stood = at - since;
        var on = now with { PausedAt = null, Deadline = now.Deadline + stood, SagaDeadline = now.SagaDeadline + stood, Token = now.Token + 1 };
        if (on.CancelReason is { } reason)
            return Cancelled(on, reason) with { Says = Said.Resumed };
        return on.Asked is { Phase: Phase.Held } held ? Ask(on, held, Said.Resumed) : new(on, Said.Resumed);
    }

    // ---- the last inch ----

    private Decision Ask(Progress now, Asked asked, string says)
    {
        if (now.PausedAt is not null)
            return new(now with { Asked = asked with { Phase = Phase.Held }, Deadline = null, Token = now.Token + 1 }, says);
        asked = asked with { Phase = Phase.Awaiting };
        var marked = asked.Direction switch
        {
            Direction.Do => now with { Steps = now.Steps.SetItem(asked.Step, StepStatus.Asked), SagaDeadline = route[asked.Step].PastReturn ? null : now.SagaDeadline },
            Direction.Undo => now.With(asked.Step, StepStatus.Undoing),
            _ => now,
        };
        return new(marked with { Asked = asked, Deadline = at + TimeOf(asked), Token = now.Token + 1 }, says) { Asks = asked };
    }

    private TimeSpan TimeOf(Asked asked) => asked.Direction == Direction.Do ? route[asked.Step].Time / patience.Asks : patience.UndoTime;

    // (While the order is paused no time passes for it: the resume adds the whole standstill.)
    private Decision Pause(Progress now, Asked asked, TimeSpan pause, string says) =>
        new(now with { Asked = asked with { Phase = Phase.Pausing }, Deadline = (now.PausedAt ?? at) + pause, Token = now.Token + 1 }, says);

    // What rests is not paused any more: else what a person asks for later would be held, and nobody would see why.
    private static Progress AtRest(Progress now) => now with { Asked = null, Deadline = null, SagaDeadline = null, PausedAt = null, Token = now.Token + 1 };

    private Decision OnRoute(Progress now, string step, Func<int, Decision> decide)
    {
        var i = route.IndexOf(step);
        return i < 0 ? Ignored(now) with { Detail = $"{step} is not on the route" } : decide(i);
    }

    private Decision OnStuck(Progress now, string step, Func<int, Decision> decide)
    {
        var i = route.IndexOf(step);
        return i >= 0 && now.Steps[i] == StepStatus.Stuck ? decide(i) : Denied(now, $"The undo of {step} is not stuck.");
    }

    private static Decision Ignored(Progress now) => new(now, Said.Ignored);

    private static Decision Denied(Progress now, string why) => new(now, Said.Denied) { Detail = why };
}
