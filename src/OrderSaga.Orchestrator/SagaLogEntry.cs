using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Orchestrator;

/// <summary>
/// One handled message: what was answered and what is asked next. Only ever added, in the commit of the state it led to; it is also the
/// inbox (its message id is unique) and the outbox (it carries what is still to be sent).
/// </summary>
public sealed class SagaLogEntry : HandledMessage
{
    /// <summary>The version of the row that this entry led to.</summary>
    public int Seq { get; init; }

    /// <summary>The step that was answered; none for what concerns the whole order.</summary>
    public string? Step { get; init; }

    /// <summary>do, undo or apology.</summary>
    public string? Direction { get; init; }

    public int Attempt { get; init; }

    /// <summary>What happened: <see cref="Said"/>.</summary>
    public required string Status { get; init; }

    /// <summary>The key of what was answered.</summary>
    public string? Key { get; init; }

    /// <summary>The command that is asked next.</summary>
    public string? Asks { get; init; }

    public string? Error { get; init; }

    /// <summary>Who did it, if a person did.</summary>
    public string? Actor { get; init; }

    /// <summary>What is told of it when it is committed; not a part of the row.</summary>
    internal Transition? ToTell { get; set; }
}
