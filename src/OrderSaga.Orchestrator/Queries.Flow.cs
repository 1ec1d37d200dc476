using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Orchestrator;

// What a drawing of the whole shop needs. None of it grows with the number of orders that there ever were, but the count of those that ended.
public sealed partial class Queries
{
    private const int MostTimed = 200;

    /// <summary>The table, for drawing.</summary>
    public IReadOnlyList<TableStep> Table => [.. machine.WholeRoute.Select(s => new TableStep(s.Name, s.PastReturn ? null : s.Reaches, s.Undo, machine.OptionalSteps.Contains(s.Name)))];

    /// <summary>How many ended, by state; from what was counted before on, those since are added.</summary>
    public async Task<EndedOrders> EndedAsync(EndedOrders? known, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await using var scope = scopes.CreateAsyncScope();
        return new(now, await EndedAsync(Db(scope), known, ct).ConfigureAwait(false));
    }

    /// <summary>Where orders wait, and what is stuck.</summary>
    public async Task<ShopFlow> FlowAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var waiting = await db.Orders.Where(o => o.Asked != null).GroupBy(o => o.Asked!).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct).ConfigureAwait(false);
        var stuck = await db.Stuck.Where(s => s.ResolvedAt == null).GroupBy(s => s.Step).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct).ConfigureAwait(false);
        return new(waiting, stuck);
    }

    /// <summary>The orders that are under way the longest.</summary>
    public async Task<IReadOnlyList<OrderSummary>> LongestAsync(int most, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var found = await Db(scope).Orders.AsNoTracking().Where(o => o.Asked != null && o.EndedAt == null).OrderBy(o => o.StartedAt).Take(most).ToListAsync(ct).ConfigureAwait(false);
        return [.. found.Select(Line)];
    }

    /// <summary>How long each step took at the last orders that ended since then, in milliseconds: the median.</summary>
    public async Task<IReadOnlyDictionary<string, double>> TookAsync(DateTimeOffset since, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var last = await db.Orders.Where(o => o.EndedAt >= since).OrderByDescending(o => o.EndedAt).Take(MostTimed).Select(o => o.CorrelationId).ToListAsync(ct).ConfigureAwait(false);
        var log = await db.Log.AsNoTracking().Where(e => last.Contains(e.OrderId)).Select(e => new { e.OrderId, e.Seq, e.At, e.Step, e.Direction, e.Status, e.Asks }).ToListAsync(ct).ConfigureAwait(false);
        var took = new Dictionary<string, List<double>>();
        foreach (var order in log.GroupBy(e => e.OrderId))
        {
            var asked = new Dictionary<string, DateTimeOffset>();
            foreach (var entry in order.OrderBy(e => e.Seq))
            {
                if (entry is { Direction: "do", Status: Said.Done, Step: { } step } && asked.TryGetValue(step, out var at))
                    (took.TryGetValue(step, out var times) ? times : took[step] = []).Add((entry.At - at).TotalMilliseconds);
                if (entry.Asks is { } asks)
                    asked.TryAdd(asks, entry.At);
            }
        }

        return took.ToDictionary(t => t.Key, t => t.Value.Order().ElementAt(t.Value.Count / 2));
    }

    /// <summary>What began and ended in each minute since then.</summary>
    public async Task<IReadOnlyList<ShopMinute>> MinutesAsync(DateTimeOffset since, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var ended = await db.Orders.Where(o => o.EndedAt >= since).GroupBy(o => new { o.EndedAt!.Value.Hour, o.EndedAt!.Value.Minute, o.CurrentState })
            .Select(g => new { g.Key.Hour, g.Key.Minute, g.Key.CurrentState, Count = g.Count() }).ToListAsync(ct).ConfigureAwait(false);
        var began = await db.Orders.Where(o => o.EndedAt >= since && o.StartedAt >= since).Select(o => o.StartedAt)
            .Concat(db.Orders.Where(o => o.Asked != null && o.EndedAt == null && o.StartedAt >= since).Select(o => o.StartedAt))
            .GroupBy(at => new { at.Hour, at.Minute }).Select(g => new { g.Key.Hour, g.Key.Minute, Count = g.Count() }).ToListAsync(ct).ConfigureAwait(false);
        var first = since.AddTicks(-(since.Ticks % TimeSpan.TicksPerMinute));
        return
        [
            .. Enumerable.Range(0, (int)Math.Max(0, Math.Ceiling((now - first).TotalMinutes))).Select(i => first.AddMinutes(i)).Select(at =>
            {
                var there = ended.Where(e => e.Hour == at.Hour && e.Minute == at.Minute).ToList();
                return new ShopMinute(at, began.Where(b => b.Hour == at.Hour && b.Minute == at.Minute).Sum(b => b.Count),
                    there.Where(e => e.CurrentState == StateNames.Complete).Sum(e => e.Count), there.Where(e => e.CurrentState != StateNames.Complete).Sum(e => e.Count));
            }),
        ];
    }

    private static async Task<IReadOnlyDictionary<string, int>> EndedAsync(OrchestratorDb db, EndedOrders? known, CancellationToken ct)
    {
        var since = known?.At ?? DateTimeOffset.MinValue;
        var ended = await db.Orders.Where(o => o.EndedAt >= since).GroupBy(o => o.CurrentState).Select(g => new { g.Key, Count = g.Count() }).ToListAsync(ct).ConfigureAwait(false);
        return (known?.States ?? new Dictionary<string, int>()).Concat(ended.Select(e => KeyValuePair.Create(e.Key, e.Count))).GroupBy(e => e.Key).ToDictionary(g => g.Key, g => g.Sum(e => e.Value));
    }
}
