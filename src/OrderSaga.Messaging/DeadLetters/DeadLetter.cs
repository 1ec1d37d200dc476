namespace OrderSaga.Messaging.DeadLetters;

/// <summary>A message that could not be handled, or not be sent: whole, with its cause, until somebody decides about it.</summary>
public sealed class DeadLetter
{
    /// <summary>Derived from message and queue, so the same failure of the same message is one letter.</summary>
    public required Guid Id { get; init; }

    /// <summary>The queue that it was in; for what could not be sent, where it was to go.</summary>
    public required string Queue { get; init; }

    /// <summary>Where a replay sends it: the exchange of its own queue, which nobody else listens on.</summary>
    public required string Address { get; init; }

    public Guid? MessageId { get; init; }

    /// <summary>The saga that it belongs to, where it says so.</summary>
    public Guid? SagaId { get; init; }

    /// <summary>Its contracts by name.</summary>
    public string? MessageType { get; init; }

    public string? ContentType { get; init; }

    /// <summary>The headers as they came, as JSON.</summary>
    public required string Headers { get; init; }

    /// <summary>The body as it came, byte for byte; unless <see cref="Cut"/>.</summary>
    public required byte[] Body { get; set; }

    /// <summary>Its body was not kept as it came (it must not be stored, or is too large), so it cannot be replayed.</summary>
    public bool Cut { get; set; }

    /// <summary>What kind of failure: the exception's type, or a word of <see cref="DeadLetterCause"/>.</summary>
    public required string Cause { get; set; }

    public required string Error { get; set; }

    /// <summary>More about the failure, for whoever looks for it in the code.</summary>
    public string? Details { get; set; }

    /// <summary>How often it became a dead letter; more than once if a replay failed again.</summary>
    public int Times { get; set; } = 1;

    /// <summary><see cref="DeadLetterStatus"/>.</summary>
    public string Status { get; set; } = DeadLetterStatus.Waiting;

    public DateTimeOffset Since { get; set; }

    /// <summary>When it last became one.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>When somebody should send it again; none, unless it was decided and the broker does not have it yet.</summary>
    public DateTimeOffset? Due { get; set; }

    public DateTimeOffset? SettledAt { get; set; }

    /// <summary>Who replayed or discarded it, and why.</summary>
    public string? SettledBy { get; set; }

    public string? Reason { get; set; }

    internal static string AddressOf(string queue) => $"exchange:{queue}";
}

/// <summary>An exception that says that what is in the message must not be stored: its dead letter has no body.</summary>
public interface IForbidsKeeping;

/// <summary>
/// Knows by a body alone that it must not be stored: what cannot be read, or is never looked into, comes to no exception that could say so.
/// </summary>
public interface IForbidsBodies
{
    bool Forbids(ReadOnlySpan<byte> body);
}

/// <summary>Causes that are no exception.</summary>
public static class DeadLetterCause
{
    /// <summary>No consumer of the queue takes this contract.</summary>
    public const string Unknown = "UnknownContract";

    /// <summary>It was delivered again and again and never came to an end, as when it kills its process.</summary>
    public const string DeliveryLimit = "DeliveryLimit";

    /// <summary>The broker was there, and would not take it.</summary>
    public const string NotSent = "NotSent";
}

/// <summary>Where a dead letter stands.</summary>
public static class DeadLetterStatus
{
    public const string Waiting = "waiting";

    /// <summary>It was decided to replay it: it is being sent, or on its way.</summary>
    public const string Replaying = "replaying";

    /// <summary>It was handled at last.</summary>
    public const string Replayed = "replayed";
    public const string Discarded = "discarded";

    public static IReadOnlyList<string> All { get; } = [Waiting, Replaying, Replayed, Discarded];
}
