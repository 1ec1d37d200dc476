using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Deliveries;

/// <summary>
/// Delivers what was taken over, on every node: each item is claimed by one of them for as long as a try may take. What fails is tried
/// again with growing pauses, over five days, and is undeliverable after that: no weekend is that long.
/// </summary>
/// <remarks>A node that dies between the receiver's word and its own leaves an item that is sent twice; its id is the same.</remarks>
public abstract class PatientDelivery<TDb, T>(IServiceScopeFactory scopes, IHostApplicationLifetime host, TimeProvider time, Doorbell<TDb> bell, ILogger log, string what)
    : BackgroundService
    where TDb : DbContext
    where T : class, IDelivered
{
    private const int BatchSize = 50, AtOnce = 8;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    // A try ends before somebody else may begin one.
    private static readonly TimeSpan Try = TimeSpan.FromSeconds(45), Claim = TimeSpan.FromMinutes(1);

    /// <summary>The pauses after each try but the last.</summary>
    public static IReadOnlyList<TimeSpan> Pauses { get; } = [.. new[] { 10, 60, 5 * 60, 15 * 60, 3600, 3 * 3600 }.Concat(Enumerable.Repeat(6 * 3600, 20)).Select(s => TimeSpan.FromSeconds(s))];

    /// <summary>The row of one item.</summary>
    protected abstract IQueryable<T> RowOf(TDb db, T item);

    /// <summary>Returns when the receiver has it; any exception says that he has not.</summary>
    protected abstract Task SendAsync(T item, CancellationToken ct);

    /// <summary>No other try would change anything.</summary>
    protected virtual bool IsFinal(Exception e) => false;

    /// <summary>What its row says besides once it is sent.</summary>
    protected virtual void WhenSent(UpdateSettersBuilder<T> row)
    {
    }

    /// <summary>What its row says besides when a try failed.</summary>
    protected virtual void WhenFailed(UpdateSettersBuilder<T> row, Exception why)
    {
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await time.WhenDueAsync(LongestPause, bell, () => DeliverAsync(stoppingToken), log, what, stoppingToken).ConfigureAwait(false);
    }

    private async Task<DateTimeOffset?> DeliverAsync(CancellationToken ct)
    {
        while (true)
        {
            await using var scope = scopes.CreateAsyncScope();
            var open = scope.ServiceProvider.GetRequiredService<TDb>().Set<T>().AsNoTracking().Where(i => i.Due != null);
            var now = time.GetUtcNow();
            var due = await open.Where(i => i.Due <= now).OrderBy(i => i.Due).Take(BatchSize).ToListAsync(ct).ConfigureAwait(false);
            if (due.Count == 0)
                return await open.MinAsync(i => i.Due, ct).ConfigureAwait(false);
            await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, DeliverAsync).ConfigureAwait(false);
        }
    }

    private async ValueTask DeliverAsync(T item, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TDb>();
        var end = time.GetUtcNow() + Claim;
        if (await OpenOf(db, item).Where(i => i.Tries == item.Tries)
            .ExecuteUpdateAsync(row => row.SetProperty(i => i.Tries, i => i.Tries + 1).SetProperty(i => i.Due, end), ct).ConfigureAwait(false) == 0)
            return; // another node has it
        try
        {
            using var enough = new CancellationTokenSource(Try, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(enough.Token, ct);
            await SendAsync(item, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            await FailedAsync(db, item, e, ct).ConfigureAwait(false);
            return;
        }

        // Also if its claim ran out meanwhile: sent is sent. Nothing stops this, or it would be sent again.
        var at = time.GetUtcNow();
        await OpenOf(db, item).ExecuteUpdateAsync(
            row => WhenSent(row.SetProperty(i => i.Status, DeliveryStatus.Sent).SetProperty(i => i.SentAt, at).SetProperty(i => i.Due, (DateTimeOffset?)null)),
            CancellationToken.None).ConfigureAwait(false);
    }

    private async Task FailedAsync(TDb db, T item, Exception why, CancellationToken ct)
    {
        var open = OpenOf(db, item).Where(i => i.Tries == item.Tries + 1);
        if (!IsFinal(why) && item.Tries < Pauses.Count)
        {
            var again = time.GetUtcNow() + Pauses[item.Tries];
            await open.ExecuteUpdateAsync(row => WhenFailed(row.SetProperty(i => i.Due, again), why), ct).ConfigureAwait(false);
            log.LogWarning(why, "The {Item} could not be delivered, it is tried again at {Again}", item.Title, again);
            return;
        }

        await open.ExecuteUpdateAsync(row => WhenFailed(row.SetProperty(i => i.Status, DeliveryStatus.Undeliverable).SetProperty(i => i.Due, (DateTimeOffset?)null), why), ct).ConfigureAwait(false);
        log.LogError(why, "The {Item} is undeliverable, after {Tries} tries", item.Title, item.Tries + 1);
    }

    private IQueryable<T> OpenOf(TDb db, T item) => RowOf(db, item).Where(i => i.Status == DeliveryStatus.Accepted);
}
