using System.Collections.Immutable;
using MassTransit;

namespace OrderSaga.Orchestrator;

/// <summary>The row of a saga that is folded from a table. It is kept after the end, so that late messages meet it.</summary>
public abstract class CompensatingState : SagaStateMachineInstance
{
    public Guid CorrelationId { get; set; }

    public string CurrentState { get; set; } = StateNames.Initial;

    /// <summary>Processing, Completed, Cancelled or NeedsAttention: the state in a customer's words.</summary>
    public string Status { get; set; } = "Processing";

    /// <summary>Counts the changes; two nodes that change the row at once are told apart by it.</summary>
    public int Version { get; set; }

    /// <summary>The command that an answer is awaited for.</summary>
    public string? Asked { get; set; }

    /// <summary>How often it was asked.</summary>
    public int Attempt { get; set; }

    /// <summary>How each step of the route stands, in words.</summary>
    public string Steps { get; set; } = "";

    /// <summary>The steps of this order by name; a deployment does not change them.</summary>
    public string Route { get; set; } = "";

    /// <summary>Why the order is undone: a reason code.</summary>
    public string? Reason { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public DateTimeOffset UpdatedAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    internal Progress ProgressOn(Route route) => CurrentState == StateNames.Initial
        ? Progress.New(route)
        : new(CurrentState, [.. Steps.Split(' ').Select(s => Enum.Parse<StepStatus>(s, ignoreCase: true))], Asked is null ? null : route.AskedBy(Asked, Attempt), Reason);

    internal void Take(Progress progress, Route route, DateTimeOffset now)
    {
        if (Version == 0)
            (Route, StartedAt) = (route.ToString(), now);
        Version++;
        CurrentState = progress.State;
        Status = progress.State switch
        {
            StateNames.Complete => "Completed",
            StateNames.Compensated => "Cancelled",
            StateNames.Failed => "NeedsAttention",
            _ => "Processing",
        };
        Steps = Words(progress.Steps);
        Asked = progress.Asked is { } asked ? route.ActionOf(asked) : null;
        Attempt = progress.Asked?.Attempt ?? 0;
        Reason = progress.Reason;
        UpdatedAt = now;
        EndedAt ??= StateNames.IsEnd(progress.State) ? now : null;
    }

    internal static string Word(StepStatus status) => status.ToString().ToLowerInvariant();

    private static string Words(ImmutableArray<StepStatus> steps) => string.Join(' ', steps.Select(Word));
}
