namespace OrderSaga.Messaging.DeadLetters;

/// <summary>
/// What an operator did to a dead letter or an alert, or tried to: who, what, when, and what came of it. Written in the commit of what
/// was decided; only ever added.
/// </summary>
public sealed class OpsAction
{
    public Guid Id { get; init; }

    public DateTimeOffset At { get; init; }

    public required string Actor { get; init; }

    /// <summary>replay, discard or resend.</summary>
    public required string Action { get; init; }

    public Guid? DeadLetterId { get; init; }

    public Guid? AlertId { get; init; }

    public Guid? SagaId { get; init; }

    /// <summary>Where that led; ignored and denied where nothing was changed.</summary>
    public required string Outcome { get; init; }

    public string? Reason { get; init; }
}
