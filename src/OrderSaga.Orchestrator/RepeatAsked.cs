using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Sagas;

namespace OrderSaga.Orchestrator;

/// <summary>
/// A command is a function of the order's row, so it is never stored: while its answer is awaited it can be said again, and once it has
/// been answered, or given up, nobody needs it.
/// </summary>
internal sealed class RepeatAsked(OrderStateMachine machine) : IRepeat<OrchestratorDb>
{
    public async Task RepeatAsync(OrchestratorDb db, HandledMessage handled, IPublishEndpoint publisher, CancellationToken ct)
    {
        if (handled is not SagaLogEntry { Asks: { } asks } entry)
            return;
        var saga = await db.Orders.AsNoTracking().SingleOrDefaultAsync(o => o.CorrelationId == entry.OrderId, ct).ConfigureAwait(false);
        if (saga?.Asked == asks)
            await machine.RepeatAsync(saga, publisher, ct).ConfigureAwait(false);
    }
}
