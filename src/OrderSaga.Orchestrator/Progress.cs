using System.Collections.Immutable;

namespace OrderSaga.Orchestrator;

/// <summary>How one step of an order stands.</summary>
internal enum StepStatus
{
    Waiting,

    /// <summary>Asked for, and not answered. In a mirror: in doubt, like <see cref="Silent"/> and <see cref="Faulted"/>, and undone as they are.</summary>
    Asked,
    Done,
    Refused,
    Silent,
    Faulted,
    Undoing,
    Undone,

    /// <summary>The undo was confirmed, and there had been nothing to undo.</summary>
    Nothing,
    Stuck,
}

/// <summary>What is asked for: a step's do, its undo, or the apology that ends a mirror.</summary>
internal enum Direction
{
    Do,
    Undo,
    Apology,
}

/// <summary>How far an ask has come.</summary>
internal enum Phase
{
    /// <summary>Asked; the deadline is when its silence counts.</summary>
    Awaiting,

    /// <summary>It failed; the deadline is when it is asked again.</summary>
    Pausing,

    /// <summary>Not asked yet, because the order is paused.</summary>
    Held,
}

/// <summary>How an order came to rest, as it was published.</summary>
internal enum Ending
{
    Completed,
    Compensated,
    Failed,
    Repaired,
}

/// <summary>The one thing that an order waits for. <paramref name="Step"/> counts within the route; for the apology it is the route's length.</summary>
internal readonly record struct Asked(Direction Direction, int Step, int Attempt, Phase Phase = Phase.Awaiting);

/// <summary>Where an order stands: all of its row that a decision looks at, and all that a decision may change.</summary>
internal sealed record Progress(string State, ImmutableArray<StepStatus> Steps)
{
    public Asked? Asked { get; init; }

    /// <summary>Why the order is undone.</summary>
    public string? Reason { get; init; }

    /// <summary>When <see cref="Asked"/> has waited long enough.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>When the whole order has taken too long; none past the point of no return and in a mirror.</summary>
    public DateTimeOffset? SagaDeadline { get; init; }

    /// <summary>Names the deadline that is set: a timer acts only for the one that it was set for. It also tells one ask from another.</summary>
    public int Token { get; init; }

    public DateTimeOffset? PausedAt { get; init; }

    /// <summary>A cancel that came while the order was paused, and waits for it to go on.</summary>
    public string? CancelReason { get; init; }

    /// <summary>A bit per step that was once seen done: then "nothing to undo" proves nothing.</summary>
    public long Seen { get; init; }

    /// <summary>The alert of a stuck undo went out; there is one per order.</summary>
    public bool Alerted { get; init; }

    /// <summary>The customer was told that the order is cancelled.</summary>
    public bool Told { get; init; }

    /// <summary>The last ending that was published.</summary>
    public Ending? Ended { get; init; }

    /// <summary>When the next timer is due; nothing is while the order is paused.</summary>
    public DateTimeOffset? Due => PausedAt is not null ? null : SagaDeadline < Deadline ? SagaDeadline : Deadline ?? SagaDeadline;

    public static Progress New(Route route) => new(StateNames.Initial, [.. route.Select(_ => StepStatus.Waiting)]);

    public bool IsAsked(Direction direction, int step) => Asked is { } asked && asked.Direction == direction && asked.Step == step;

    public bool WasSeen(int step) => (Seen & (1L << step)) != 0;

    public Progress With(int step, StepStatus status) => this with
    {
        Steps = Steps.SetItem(step, status),
        Seen = status == StepStatus.Done ? Seen | (1L << step) : Seen,
    };

    // The steps' marks compare by content, as everything else does.
    public bool Equals(Progress? other) =>
        other is not null && State == other.State && Steps.AsSpan().SequenceEqual(other.Steps.AsSpan()) && Asked == other.Asked && Reason == other.Reason
        && Deadline == other.Deadline && SagaDeadline == other.SagaDeadline && Token == other.Token && PausedAt == other.PausedAt
        && CancelReason == other.CancelReason && Seen == other.Seen && Alerted == other.Alerted && Told == other.Told && Ended == other.Ended;

    public override int GetHashCode() => HashCode.Combine(State, Asked, Token, Seen);
}

/// <summary>The states that do not come from the table.</summary>
internal static class StateNames
{
    public const string Initial = "Initial";
    public const string Pending = "Pending";
    public const string Complete = "Complete";
    public const string Compensating = "Compensating";
    public const string Compensated = "Compensated";
    public const string Failed = "Failed";

    public static bool IsEnd(string state) => state is Complete or Compensated or Failed;
}
