using OrderSaga.Messaging.Deliveries;

namespace OrderSaga.Messaging.Alerts;

/// <summary>Something that a person should look at. Kept, and posted to whoever was named for it.</summary>
public sealed class Alert : IDelivered
{
    /// <summary>The id of the message that brought it: the same incident is one alert, however often it arrives.</summary>
    public required Guid Id { get; init; }

    /// <summary>The saga that it is about; none, if it is about none.</summary>
    public required Guid? SagaId { get; init; }

    /// <summary>What happened, in a sentence.</summary>
    public required string Text { get; init; }

    /// <summary>What is posted, as JSON.</summary>
    public required string Body { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <inheritdoc/>
    public string Status { get; init; } = DeliveryStatus.Accepted;

    /// <inheritdoc/>
    public int Tries { get; init; }

    /// <inheritdoc/>
    public DateTimeOffset? Due { get; init; }

    /// <inheritdoc/>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>Why it could not be delivered the last time.</summary>
    public string? Error { get; init; }

    /// <inheritdoc/>
    public string Title => $"alert {Id}";
}
