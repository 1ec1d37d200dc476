using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Sagas;

namespace OrderSaga.Orchestrator;

/// <summary>The row of an order that came to rest long ago: the same columns in a table of its own, where it is in nobody's way.</summary>
public sealed class ArchivedOrder : OrderState;

/// <summary>
/// Brings an order back from the archive when something happens to it after all: late answers are decided on its row as if it had never
/// been away. What is only denied or ignored leaves it there for another while.
/// </summary>
internal sealed class Archive : IBringBack<OrderState, OrchestratorDb>
{
    public async Task<OrderState?> BringBackAsync(OrchestratorDb db, Guid sagaId, object message, CancellationToken ct)
    {
        var order = await BringBackAsync(db, sagaId, ct).ConfigureAwait(false);
        // Neither concerns what a participant did; whoever still sends it has lost sight of his order, and a person should know.
        if (order is not null && message is SubmitOrder or CancelCheckout)
            throw new ArchivedException(order, message.GetType().Name);
        return order;
    }

    public async Task<IReadOnlyList<Guid>> PutAsideAsync(OrchestratorDb db, IReadOnlyList<Guid> sagas, CancellationToken ct) =>
        await db.Archive.Where(o => sagas.Contains(o.CorrelationId)).Select(o => o.CorrelationId).ToListAsync(ct).ConfigureAwait(false);

    /// <summary>The order, to be added again by the commit that is under way; none if nobody knows it.</summary>
    public static async Task<OrderState?> BringBackAsync(OrchestratorDb db, Guid orderId, CancellationToken ct)
    {
        var order = await db.Everywhere.AsNoTracking().SingleOrDefaultAsync(o => o.CorrelationId == orderId, ct).ConfigureAwait(false);
        if (order is null)
            return null;
        if (await db.Archive.Where(o => o.CorrelationId == orderId).ExecuteDeleteAsync(ct).ConfigureAwait(false) == 0)
            throw new DbUpdateConcurrencyException($"Order {orderId} was brought back from the archive, or forgotten, by somebody else just now.");
        db.Add(order);
        return order;
    }
}

/// <summary>A submission or a cancel by bus for an order that is over and archived. Nothing is begun, and nothing is undone.</summary>
public sealed class ArchivedException : NotAcceptedException
{
    internal ArchivedException(OrderState order, string message) : base(
        $"{message} comes too late: order {order.OrderId} came to rest as {order.CurrentState} on {order.EndedAt:u} and is archived. GET /orders/{order.OrderId} still shows it; a new order needs an id of its own.")
    {
    }
}
