using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Sagas;

/// <summary>
/// Says again what a handled message led a saga to say, from the saga's row alone: for messages marked as not to be stored, when a crash
/// between the commit and the broker's confirmation lets the handled message come again.
/// </summary>
public interface IRepeat<TDb>
    where TDb : DbContext
{
    /// <summary>Publishes what is still awaited of it; nothing where the saga has moved on.</summary>
    Task RepeatAsync(TDb db, HandledMessage handled, IPublishEndpoint publisher, CancellationToken ct);
}
