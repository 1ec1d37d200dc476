using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>What a list of dead letters is narrowed to.</summary>
/// <param name="Queue">The queue that they were in.</param>
/// <param name="MessageType">The name of a contract.</param>
/// <param name="Cause">The kind of failure.</param>
/// <param name="OrderId">The saga that they belong to.</param>
/// <param name="Since">Those that became one then or later.</param>
/// <param name="Status"><see cref="DeadLetterStatus"/>; any, if it is not said.</param>
public sealed record DeadLetterFilter(string? Queue = null, string? MessageType = null, string? Cause = null, Guid? OrderId = null, DateTimeOffset? Since = null, string? Status = null)
{
    internal IQueryable<DeadLetter> Of(IQueryable<DeadLetter> letters)
    {
        if (Status is not null)
            letters = letters.Where(l => l.Status == Status);
        if (Queue is not null)
            letters = letters.Where(l => l.Queue == Queue);
        if (MessageType is not null)
            letters = letters.Where(l => l.MessageType == MessageType);
        if (Cause is not null)
            letters = letters.Where(l => l.Cause == Cause);
        if (OrderId is not null)
            letters = letters.Where(l => l.SagaId == OrderId);
        if (Since is not null)
            letters = letters.Where(l => l.At >= Since);
        return letters;
    }
}

/// <summary>A dead letter in a list.</summary>
/// <param name="Id">The letter.</param>
/// <param name="Queue">The queue that it was in; for what could not be sent, where it was to go.</param>
/// <param name="MessageType">Its contract.</param>
/// <param name="MessageId">The message.</param>
/// <param name="OrderId">The order that it belongs to, where it says so.</param>
/// <param name="Cause">The kind of failure: an exception, or UnknownContract, DeliveryLimit, NotSent.</param>
/// <param name="Error">What was wrong.</param>
/// <param name="Times">How often it became a dead letter.</param>
/// <param name="Status">waiting, replaying, replayed or discarded.</param>
/// <param name="Since">When it first became one.</param>
/// <param name="At">When it last did.</param>
/// <param name="Replayable">Whether it was kept as it came.</param>
/// <param name="SettledAt">When somebody decided about it.</param>
/// <param name="SettledBy">Who.</param>
/// <param name="Reason">Why.</param>
public record DeadLetterLine(
    Guid Id, string Queue, string? MessageType, Guid? MessageId, Guid? OrderId, string Cause, string Error, int Times, string Status, DateTimeOffset Since, DateTimeOffset At,
    bool Replayable, DateTimeOffset? SettledAt, string? SettledBy, string? Reason);

/// <summary>A dead letter with what was in it. What is secret is not shown.</summary>
public sealed record DeadLetterFile : DeadLetterLine
{
    internal DeadLetterFile(DeadLetterLine line) : base(line)
    {
    }

    public required string? ContentType { get; init; }

    /// <summary>As they came.</summary>
    public required JsonNode? Headers { get; init; }

    /// <summary>JSON where it is JSON, else text; none where it is neither. Of a long one the beginning.</summary>
    public required JsonNode? Body { get; init; }

    /// <summary>How long it is, as far as it was kept.</summary>
    public required int Bytes { get; init; }

    /// <summary>Where in the code it failed.</summary>
    public required string? Details { get; init; }
}

/// <summary>All dead letters of a kind that wait.</summary>
public sealed record DeadLetterKind(string Queue, string? MessageType, string Cause, int Count, DateTimeOffset Oldest, DateTimeOffset Latest);

/// <summary>How many dead letters wait for a person, and since when the oldest does.</summary>
public sealed record WaitingLetters(int Waiting, DateTimeOffset? Oldest);

/// <summary>Shows what is in a message to people: as JSON or text, bounded, and without what is secret.</summary>
internal static partial class Shown
{
    private const int Most = 64 * 1024;
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public static JsonNode? Body(byte[] body)
    {
        try
        {
            // A character that is cut in two is not the body's fault.
            var whole = body.Length <= Most;
            var text = whole ? Strict.GetString(body) : Encoding.UTF8.GetString(body, 0, Most);
            if (text.Any(c => char.IsControl(c) && !char.IsWhiteSpace(c)))
                return null;
            text = Hide(text);
            return (whole ? Json(text) : null) ?? JsonValue.Create(text);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    public static JsonNode? Json(string text)
    {
        try
        {
            return JsonNode.Parse(Hide(text));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Hide(string text) => Secrets.Replace(text, "$1\"***\"");

    // Tokens of a payment provider, passwords and the like, by the name of their field.
    [GeneratedRegex("""("[^"]*(?:token|password|secret|authorization|cookie|api-?key)[^"]*"\s*:\s*)"(?:[^"\\]|\\.)*"?""", RegexOptions.IgnoreCase)]
    private static partial Regex Secrets { get; }
}
