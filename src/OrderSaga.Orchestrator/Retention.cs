using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Keeps the table of orders as small as what goes on: what came to rest long enough ago moves to the archive, and after a much longer
/// time is forgotten, with its log. At the start and every minute, on every node, in small batches.
/// </summary>
/// <remarks>An order that a person has to finish stays where it is, however long that takes; so does one whose messages are not sent yet.</remarks>
internal sealed class Retention(
    IServiceScopeFactory scopes,
    DatabaseOf<OrchestratorDb> database,
    IOptions<CheckoutOptions> options,
    IHostApplicationLifetime host,
    TimeProvider time,
    ILogger<Retention> log) : BackgroundService
{
    internal const int BatchSize = 200;
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    // How long the database has to itself between two batches is about the machine.
    private static readonly TimeProvider Wall = TimeProvider.System;

    private const string Due = """
        t.ended_at >= {0} AND t.ended_at <= {1} AND t.updated_at <= {1} AND t.asked IS NULL AND t.status IN ('Completed', 'Cancelled')
        AND NOT EXISTS (SELECT 1 FROM checkout.saga_log AS l WHERE l.order_id = t.order_id AND l.outgoing IS NOT NULL)
        """;

    private string? move;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await time.EveryAsync(Pause, _ => TidyAsync(stoppingToken), log, "Archiving orders that came to rest", stoppingToken).ConfigureAwait(false);
    }

    internal async Task TidyAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await InBatchesAsync("Archived", now - options.Value.Retention, ArchiveAsync, ct).ConfigureAwait(false);
        await InBatchesAsync("Forgot", now - options.Value.LogRetention, ForgetAsync, ct).ConfigureAwait(false);
    }

    // From the oldest on, and never back: what was taken before leaves gaps behind in the index that would have to be walked over.
    private async Task InBatchesAsync(
        string what, DateTimeOffset until, Func<OrchestratorDb, DateTimeOffset, DateTimeOffset, CancellationToken, Task<List<DateTimeOffset>>> batchAsync, CancellationToken ct)
    {
        var (count, oldest, after, began) = (0, until, DateTimeOffset.MinValue, Stopwatch.GetTimestamp());
        try
        {
            while (true)
            {
                var start = Stopwatch.GetTimestamp();
                await using var scope = scopes.CreateAsyncScope();
                var ended = await batchAsync(scope.ServiceProvider.GetRequiredService<OrchestratorDb>(), after, until, ct).ConfigureAwait(false);
                if (ended.Count > 0)
                    (oldest, after) = (count == 0 ? ended.Min() : oldest, ended.Max());
                count += ended.Count;
                if (ended.Count < BatchSize)
                    return;
                // As long as the batch took: others have at least half of the time.
                await Task.Delay(Stopwatch.GetElapsedTime(start), Wall, ct).ConfigureAwait(false);
            }
        }
        finally
        {
            if (count > 0)
                log.LogInformation("{What} {Count} orders that had come to rest before {Until:u}, the first of them at {Oldest:u}, in {Elapsed}", what, count, until, oldest, Stopwatch.GetElapsedTime(began));
        }
    }

    // One statement: a row is in one table or in the other whatever breaks down. Who changes a row just now keeps it.
    private Task<List<DateTimeOffset>> ArchiveAsync(OrchestratorDb db, DateTimeOffset after, DateTimeOffset until, CancellationToken ct)
    {
        move ??= MoveOn(database.Value, db);
        return db.Database.SqlQueryRaw<DateTimeOffset>(move, after, until).ToListAsync(ct);
    }

    internal static string MoveOn(Database database, OrchestratorDb db) => database.Move(
        "checkout.order_state", "checkout.order_archive", [.. db.Model.FindEntityType(typeof(ArchivedOrder))!.GetProperties().Select(p => p.GetColumnName())], Due, "ended_at", BatchSize);

    private static async Task<List<DateTimeOffset>> ForgetAsync(OrchestratorDb db, DateTimeOffset after, DateTimeOffset until, CancellationToken ct)
    {
        var due = await db.Archive.AsNoTracking()
            .Where(o => o.EndedAt >= after && o.EndedAt <= until && o.UpdatedAt <= until && !db.Log.Any(e => e.OrderId == o.CorrelationId && e.Outgoing != null))
            .OrderBy(o => o.EndedAt).Take(BatchSize).Select(o => new { o.CorrelationId, EndedAt = o.EndedAt!.Value }).ToListAsync(ct).ConfigureAwait(false);
        if (due.Count == 0)
            return [];
        var ids = due.ConvertAll(o => o.CorrelationId);
        await using var transaction = await db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
        // The archive's rows first: who holds them decides whether an order is forgotten or brought back, and which node does it.
        if (await db.Archive.Where(o => ids.Contains(o.CorrelationId)).ExecuteDeleteAsync(ct).ConfigureAwait(false) < ids.Count)
            return [];
        await db.Log.Where(e => ids.Contains(e.OrderId)).ExecuteDeleteAsync(ct).ConfigureAwait(false);
        await db.Stuck.Where(s => ids.Contains(s.OrderId)).ExecuteDeleteAsync(ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return due.ConvertAll(o => o.EndedAt);
    }
}
