using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OrderSaga.Orchestrator;

/// <summary>Tells those who wait for an order, in this process, that it has changed: at the commit, so that they need not poll.</summary>
internal sealed class OrderChanges : DbTransactionInterceptor
{
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> waiting = [];

    /// <summary>Completes with the next change of the order. Ask for it before reading the order, or a change may be missed.</summary>
    public Task Next(Guid orderId) => waiting.GetOrAdd(orderId, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Nobody waits any more; others who do look again.</summary>
    public void Forget(Guid orderId)
    {
        if (waiting.TryRemove(orderId, out var waiter))
            waiter.TrySetResult();
    }

    public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (!waiting.IsEmpty && eventData.Context is { } db)
            foreach (var order in db.ChangeTracker.Entries<OrderState>())
                if (waiting.TryRemove(order.Entity.OrderId, out var waiter))
                    waiter.TrySetResult();
        return Task.CompletedTask;
    }
}
