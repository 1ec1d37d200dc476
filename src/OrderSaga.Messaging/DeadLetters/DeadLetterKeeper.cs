using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging.Alerts;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>
/// Sends replays that could not be sent when they were decided, gives back those that got lost, and keeps the store within its bounds: what
/// is too much is discarded, the oldest first, which is logged, alerted, and stays as a record without its body.
/// </summary>
internal sealed class DeadLetterKeeper(IServiceScopeFactory scopes, Resend resend, IHostApplicationLifetime host, IOptions<DeadLetterOptions> options, TimeProvider time, ILogger<DeadLetterKeeper> log)
    : BackgroundService
{
    internal const string Name = "DeadLetters:MostPerQueue";
    private const int BatchSize = 1000;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5), Sweep = TimeSpan.FromMinutes(1);

    // What is on its way for so long was lost on it, with its broker or its queue.
    private static readonly TimeSpan Lost = TimeSpan.FromMinutes(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await Task.WhenAll(
            time.WhenDueAsync(LongestPause, new Doorbell(), () => resend.SendDueAsync(stoppingToken), log, "Replaying dead letters", stoppingToken),
            time.EveryAsync(Sweep, _ => KeepAsync(stoppingToken), log, "Keeping dead letters within their bounds", stoppingToken)).ConfigureAwait(false);
    }

    internal async Task KeepAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var letters = scope.ServiceProvider.GetRequiredService<OpsDb>().DeadLetters;
        var (most, old) = (options.Value.MostPerQueue, time.GetUtcNow() - options.Value.Kept);
        await GiveBackAsync(letters, time.GetUtcNow() - Lost, ct).ConfigureAwait(false);
        var waiting = await letters.Where(l => l.Status == DeadLetterStatus.Waiting).GroupBy(l => l.Queue)
            .Select(g => new { Queue = g.Key, Count = g.Count() }).Where(q => q.Count > most).ToListAsync(ct).ConfigureAwait(false);
        foreach (var queue in waiting)
            await DiscardAsync(queue.Queue, queue.Count - most, ct).ConfigureAwait(false);

        var settled = letters.Where(l => l.Status == DeadLetterStatus.Replayed || l.Status == DeadLetterStatus.Discarded);
        var ids = await settled.Where(l => l.SettledAt < old).OrderBy(l => l.SettledAt).Take(BatchSize).Select(l => l.Id).ToListAsync(ct).ConfigureAwait(false);
        foreach (var queue in await settled.GroupBy(l => l.Queue).Select(g => new { Queue = g.Key, Count = g.Count() }).Where(q => q.Count > most).ToListAsync(ct).ConfigureAwait(false))
            ids.AddRange(await settled.Where(l => l.Queue == queue.Queue).OrderBy(l => l.SettledAt).Take(Math.Min(BatchSize, queue.Count - most)).Select(l => l.Id).ToListAsync(ct).ConfigureAwait(false));
        foreach (var batch in ids.Distinct().Chunk(BatchSize))
            await letters.Where(l => batch.Contains(l.Id)).ExecuteDeleteAsync(ct).ConfigureAwait(false);
    }

    private async Task GiveBackAsync(IQueryable<DeadLetter> letters, DateTimeOffset before, CancellationToken ct)
    {
        var lost = await letters.Where(l => l.Status == DeadLetterStatus.Replaying && l.Due == null && l.SettledAt < before).ExecuteUpdateAsync(
            set => set.SetProperty(l => l.Status, DeadLetterStatus.Waiting).SetProperty(l => l.SettledAt, (DateTimeOffset?)null)
                .SetProperty(l => l.SettledBy, (string?)null).SetProperty(l => l.Reason, (string?)null), ct).ConfigureAwait(false);
        if (lost > 0)
            log.LogWarning("{Count} dead letters were replayed over {Lost} ago and nobody has handled them: they wait for a person again", lost, Lost);
    }

    private async Task DiscardAsync(string queue, int count, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var (db, now) = (scope.ServiceProvider.GetRequiredService<OpsDb>(), time.GetUtcNow());
        var oldest = await db.DeadLetters.Where(l => l.Queue == queue && l.Status == DeadLetterStatus.Waiting)
            .OrderBy(l => l.At).ThenBy(l => l.Id).Take(Math.Min(count, BatchSize)).Select(l => l.Id).ToListAsync(ct).ConfigureAwait(false);
        await using var transaction = await db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
        var nothing = Array.Empty<byte>();
        var done = await db.DeadLetters.Where(l => oldest.Contains(l.Id) && l.Status == DeadLetterStatus.Waiting).ExecuteUpdateAsync(
            set => set.SetProperty(l => l.Status, DeadLetterStatus.Discarded).SetProperty(l => l.SettledAt, now).SetProperty(l => l.SettledBy, Name)
                .SetProperty(l => l.Reason, "more waited than are kept").SetProperty(l => l.Body, nothing).SetProperty(l => l.Cut, true), ct).ConfigureAwait(false);
        if (done == 0)
            return;
        log.LogError("More than {Most} dead letters wait in {Queue}: the {Count} oldest are discarded. See /ops/dead-letters?status=discarded&queue={Queue} for what they were", options.Value.MostPerQueue, queue, done, queue);
        // Once a day is enough to be told of a flood.
        var id = MessageId.Derive(Guid.Empty, $"{Name}:{queue}:{now:yyyy-MM-dd}");
        var alert = $"More than {options.Value.MostPerQueue} dead letters wait in {queue}: the oldest are discarded";
        await scope.ServiceProvider.GetRequiredService<Alerting>()
            .RaiseAsync(id, sagaId: null, alert, JsonSerializer.Serialize(new { id, orderId = (Guid?)null, state = (string?)null, alert, at = now }, JsonSerializerOptions.Web), ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
    }
}
