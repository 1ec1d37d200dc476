namespace OrderSaga.Messaging.Steps;

/// <summary>
/// A participant's memory: one row per order, step and direction, written in the transaction of the effect, with the answer that was
/// given. It is the service's step log, and it is also what makes a step safe to repeat: inbox, outbox and idempotency record in one.
/// </summary>
public sealed class StepLogEntry
{
    public required Guid OrderId { get; init; }

    public required string Step { get; init; }

    /// <summary>True for the undo of the step.</summary>
    public required bool Undo { get; init; }

    /// <summary><see cref="StepStatus"/>.</summary>
    public required string Status { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Tells the business content of the command from another; none where it was never done.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The answer's contract; with its namespace, if it is not the command's.</summary>
    public required string AnswerType { get; init; }

    /// <summary>The answer, given again to every repetition of the command; without the order where that comes first.</summary>
    public required string Answer { get; init; }
}

/// <summary>What a step log row says. Rows are only ever added.</summary>
public static class StepStatus
{
    /// <summary>It has begun and will be answered later: there is no row yet.</summary>
    internal const string UnderWay = "under way";

    public const string Done = "done";
    public const string Refused = "refused";

    /// <summary>The undo came first: the step was never done, and a late command for it is refused.</summary>
    public const string Barred = "barred";
    public const string Undone = "undone";
    public const string NothingToUndo = "nothing to undo";

    /// <summary>What was done cannot be undone any more: the parcel was handed over.</summary>
    public const string TooLate = "too late";
}
