using OrderSaga.Messaging.Deliveries;

namespace OrderSaga.Services;

/// <summary>One thing that a customer is told about an order; each kind once. Where no mail server is configured, its row is also the sink that keeps it.</summary>
internal sealed class Notice : IDelivered
{
    public const int LongestRecipient = 320;
    public const int LongestText = 2000;

    public required Guid OrderId { get; init; }

    /// <summary><see cref="NoticeKind"/>.</summary>
    public required string Kind { get; init; }

    /// <inheritdoc/>
    public required string Status { get; init; }

    public required string Recipient { get; init; }

    public required string Text { get; init; }

    /// <summary>When it was taken over.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>How it was sent: <see cref="NoticeChannel"/>.</summary>
    public string? Channel { get; init; }

    public DateTimeOffset? SentAt { get; init; }

    /// <inheritdoc/>
    public int Tries { get; init; }

    /// <inheritdoc/>
    public DateTimeOffset? Due { get; init; }

    /// <inheritdoc/>
    public string Title => $"{Kind} of order {OrderId}";

    public string Subject => Kind == NoticeKind.Confirmation ? $"Your order {OrderId} is on its way" : $"Your order {OrderId} was cancelled";

    /// <summary>Whether mail could go there at all; whether it arrives, only sending shows.</summary>
    public static bool CanReach(string recipient) =>
        recipient.Length <= LongestRecipient && recipient.IndexOf('@') is > 0 and var at && at < recipient.Length - 1 && !recipient.Any(char.IsWhiteSpace);
}

internal static class NoticeKind
{
    public const string Confirmation = "confirmation";
    public const string Apology = "apology";
}

internal static class NoticeChannel
{
    public const string Sink = "sink";
    public const string Smtp = "smtp";
}
