namespace OrderSaga.Orchestrator;

/// <summary>
/// What an operator did to an order, or tried to: who, what, when, and what came of it. Written in the same commit, whichever way it came
/// in, by HTTP or by a message; only ever added.
/// </summary>
public sealed class AuditEntry
{
    /// <summary>That of the order's log row.</summary>
    public Guid Id { get; init; }

    public DateTimeOffset At { get; init; }

    public required string Actor { get; init; }

    /// <summary>cancel, pause, resume, retry or resolve.</summary>
    public required string Action { get; init; }

    public Guid OrderId { get; init; }

    public string? Step { get; init; }

    /// <summary>What the order's log says of it; ignored and denied where nothing was changed.</summary>
    public required string Outcome { get; init; }

    public string? Reason { get; init; }

    public string? Evidence { get; init; }

    /// <summary>The entry for what happened, if an operator did it.</summary>
    internal static AuditEntry? Of(SagaLogEntry log, Happening happening)
    {
        (string Action, string? Reason, string? Evidence)? told = happening switch
        {
            Happening.Cancelled e => ("cancel", e.Reason, null),
            Happening.Paused e => ("pause", e.Reason, null),
            Happening.Resumed e => ("resume", e.Reason, null),
            Happening.Retried e => ("retry", e.Reason, null),
            Happening.Resolved e => ("resolve", e.Reason, e.Evidence),
            _ => null,
        };
        return told is not { } what || log.Actor is not { } actor ? null : new()
        {
            Id = log.MessageId,
            At = log.At,
            Actor = actor,
            Action = what.Action,
            OrderId = log.OrderId,
            Step = log.Step,
            Outcome = log.Status,
            Reason = what.Reason,
            Evidence = what.Evidence,
        };
    }
}
