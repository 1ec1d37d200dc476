using System.Data.Common;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>
/// Hears of commits in this process that set a timer which may be due before the next look at the rows. It only remembers whose it is:
/// what the timer is stands in the row. A timer further away costs a comparison.
/// </summary>
internal sealed class DueSoon<TSaga>(TimeProvider time) : DbTransactionInterceptor
    where TSaga : class, IRowTimer
{
    // What does not fit is found by the next look.
    private readonly Channel<Guid> sagas = Channel.CreateBounded<Guid>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is { } db)
            Remember(db.ChangeTracker);
        return Task.CompletedTask;
    }

    /// <summary>Waits for sagas whose timers are due soon, and returns at most so many of them.</summary>
    public async Task<IReadOnlyCollection<Guid>> NextAsync(int most, CancellationToken ct)
    {
        var batch = new HashSet<Guid>();
        await sagas.Reader.WaitToReadAsync(ct).ConfigureAwait(false);
        while (batch.Count < most && sagas.Reader.TryRead(out var saga))
            batch.Add(saga);
        return batch;
    }

    private void Remember(ChangeTracker tracker)
    {
        // All changes are saved already; looking for more of them would be work on every commit.
        var detects = tracker.AutoDetectChangesEnabled;
        tracker.AutoDetectChangesEnabled = false;
        foreach (var entry in tracker.Entries<TSaga>())
            if (entry.Entity.Due <= time.GetUtcNow() + TimeoutPace.Horizon)
                sagas.Writer.TryWrite(entry.Entity.CorrelationId);
        tracker.AutoDetectChangesEnabled = detects;
    }
}
