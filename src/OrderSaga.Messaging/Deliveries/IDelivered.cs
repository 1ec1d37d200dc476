namespace OrderSaga.Messaging.Deliveries;

/// <summary>Something that was taken over durably, to be brought to somebody outside who may be away for hours.</summary>
public interface IDelivered
{
    /// <summary><see cref="DeliveryStatus"/>.</summary>
    string Status { get; }

    /// <summary>How often its delivery was begun. Whoever counts on has it, until it is due again.</summary>
    int Tries { get; }

    /// <summary>When somebody should deliver it; none, when nobody needs to any more.</summary>
    DateTimeOffset? Due { get; }

    DateTimeOffset? SentAt { get; }

    /// <summary>What it goes by in the log.</summary>
    string Title { get; }
}

public static class DeliveryStatus
{
    public const string Accepted = "accepted";
    public const string Sent = "sent";
    public const string Undeliverable = "undeliverable";
}
