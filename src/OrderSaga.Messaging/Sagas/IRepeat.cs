using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Sagas;

/// <summary>
/// Says again what a handled message led a saga to say, from the saga's row alone, after a crash between the commit and the broker's
/// confirmation: for messages marked as not to be stored, when the handled message comes again; for those that are told by the row, also
/// when it is found that they were not sent.
/// </summary>
public interface IRepeat<TDb>
    where TDb : DbContext
{
    /// <summary>Publishes what is still awaited of it, or still unsent; nothing that the saga has moved on from.</summary>
    Task RepeatAsync(TDb db, HandledMessage handled, IPublishEndpoint publisher, CancellationToken ct);
}
