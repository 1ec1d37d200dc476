using MassTransit;
using OrderSaga.Messaging.Scheduling;

namespace OrderSaga.Orchestrator;

/// <summary>The row of a saga that is folded from a table. It is kept after the end, so that late messages meet it.</summary>
public abstract class CompensatingState : SagaStateMachineInstance, IRowTimer
{
    public Guid CorrelationId { get; set; }

    public string CurrentState { get; set; } = StateNames.Initial;

    /// <summary>Processing, Completed, Cancelled or NeedsAttention: the state in a customer's words.</summary>
    public string Status { get; set; } = "Processing";

    /// <summary>Counts the changes; two nodes that change the row at once are told apart by it.</summary>
    public int Version { get; set; }

    /// <summary>The command that an answer is awaited for.</summary>
    public string? Asked { get; set; }

    /// <summary>When it was first asked, however often it was asked again.</summary>
    public DateTimeOffset? AskedAt { get; set; }

    /// <summary>How often it was asked.</summary>
    public int Attempt { get; set; }

    /// <summary>Awaiting its answer, pausing before it is asked again, or held because the order is paused.</summary>
    public string? Phase { get; set; }

    /// <summary>When the next timer is due: the nearer of the two below; none while the order is paused.</summary>
    public DateTimeOffset? Due { get; set; }

    /// <summary>
    /// Under way, no timer of it is due before this; at rest there is none. It moves only when it has to, unlike <see cref="Due"/> and all else
    /// that an event changes: so an index by it is left alone by most events.
    /// </summary>
    public DateTimeOffset? NotDueBefore { get; set; }

    /// <summary>When what is asked has waited long enough.</summary>
    public DateTimeOffset? Deadline { get; set; }

    /// <summary>When the whole order has taken too long.</summary>
    public DateTimeOffset? SagaDeadline { get; set; }

    /// <summary>A timer acts only for the token that it was set with.</summary>
    public int Token { get; set; }

    /// <summary>MassTransit's own token of the scheduled timer, where a scheduler keeps it; in our database the row is the timer.</summary>
    public Guid? TimerId { get; set; }

    /// <summary>How each step of the route stands, in words.</summary>
    public string Steps { get; set; } = "";

    /// <summary>The steps of this order by name; a deployment does not change them.</summary>
    public string Route { get; set; } = "";

    /// <summary>Why the order is undone: a reason code.</summary>
    public string? Reason { get; set; }

    public DateTimeOffset? PausedAt { get; set; }

    /// <summary>A cancel that waits for the order to go on.</summary>
    public string? CancelReason { get; set; }

    /// <summary>A bit per step that was once seen done.</summary>
    public long Seen { get; set; }

    public bool Alerted { get; set; }

    public bool Told { get; set; }

    /// <summary>The last ending that was published.</summary>
    public string? Ended { get; set; }

    /// <summary>What is to go wrong with this order, on purpose, and has not yet (<see cref="FaultPlan"/>).</summary>
    public string? Faults { get; set; }

    /// <summary>The span that the order began with, where it is recorded: whatever moves it later belongs to the same trace.</summary>
    public string? Trace { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public DateTimeOffset UpdatedAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    internal Progress ProgressOn(Route route) => CurrentState == StateNames.Initial
        ? Progress.New(route)
        : new(CurrentState, [.. Steps.Split(' ').Select(s => Enum.Parse<StepStatus>(s, ignoreCase: true))])
        {
            Asked = Asked is null ? null : route.AskedBy(Asked, Attempt) with { Phase = Enum.Parse<Phase>(Phase!, ignoreCase: true) },
            Reason = Reason,
            Deadline = Deadline,
            SagaDeadline = SagaDeadline,
            Token = Token,
            PausedAt = PausedAt,
            CancelReason = CancelReason,
            Seen = Seen,
            Alerted = Alerted,
            Told = Told,
            Ended = Ended is null ? null : Enum.Parse<Ending>(Ended, ignoreCase: true),
        };

    internal void Take(Progress progress, Route route, DateTimeOffset now)
    {
        if (Version == 0)
            (Route, StartedAt) = (route.ToString(), now);
        Version++;
        CurrentState = progress.State;
        Status = StatusOf(progress.State);
        Steps = string.Join(' ', progress.Steps.Select(Word));
        var action = progress.Asked is { } asked ? route.ActionOf(asked) : null;
        if (action != Asked || Phase == Word(Orchestrator.Phase.Held))
            AskedAt = action is null ? null : now;
        Asked = action;
        Attempt = progress.Asked?.Attempt ?? 0;
        Phase = progress.Asked is { Phase: var phase } ? Word(phase) : null;
        (Due, Deadline, SagaDeadline, Token) = (progress.Due, progress.Deadline, progress.SagaDeadline, progress.Token);
        var bound = Due ?? DateTimeOffset.MaxValue;
        NotDueBefore = action is null ? null : NotDueBefore is { } so && so > now && so <= bound ? so : bound;
        (PausedAt, CancelReason) = (progress.PausedAt, progress.CancelReason);
        (Seen, Alerted, Told) = (progress.Seen, progress.Alerted, progress.Told);
        Ended = progress.Ended is { } ended ? Word(ended) : null;
        Reason = progress.Reason;
        UpdatedAt = now;
        EndedAt = StateNames.IsEnd(progress.State) ? EndedAt ?? now : null;
    }

    /// <summary>The state in the words of who reads orders.</summary>
    internal static string StatusOf(string state) => state switch
    {
        StateNames.Complete => "Completed",
        StateNames.Compensated => "Cancelled",
        StateNames.Failed => "NeedsAttention",
        _ => "Processing",
    };

    /// <summary>The one state in which orders of this status have ended.</summary>
    internal static string EndOf(string status) => Array.Find([StateNames.Complete, StateNames.Compensated, StateNames.Failed], state => StatusOf(state) == status)
        ?? throw new ArgumentOutOfRangeException(nameof(status), status, "No order ends with it.");

    internal static string Word<T>(T value)
        where T : struct, Enum
        => value.ToString().ToLowerInvariant();
}
