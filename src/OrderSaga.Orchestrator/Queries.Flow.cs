using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Orchestrator;

// How the whole shop stands. None of it grows with the number of orders that there ever were, but the count of those that ended. Who has a
// page open asks for it every second, so it is few statements, and of a shop at rest fewer.
public sealed partial class Queries
{
    private const int MostTimed = 200;
    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(5);

    /// <summary>The table, for drawing.</summary>
    public IReadOnlyList<TableStep> Table => [.. machine.WholeRoute.Select(s => new TableStep(s.Name, s.PastReturn ? null : s.Reaches, s.Undo, machine.OptionalSteps.Contains(s.Name)))];

    /// <summary>From when on an order is slow.</summary>
    public TimeSpan SlowAfter => machine.SlowAfter;

    /// <summary>Whether it takes longer than an order should.</summary>
    public bool IsSlow(OrderSummary order, DateTimeOffset now) => order.EndedAt is null && now - order.StartedAt > SlowAfter;

    /// <summary>How the shop is doing.</summary>
    public async Task<ShopSummary> SummaryAsync(CancellationToken ct) => (await StandAsync(known: null, longest: 1, ct).ConfigureAwait(false)).Summary;

    /// <summary>How many have ended by now, by state.</summary>
    public async Task<EndedOrders> EndedAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await using var scope = scopes.CreateAsyncScope();
        var ended = await Db(scope).Orders.Where(o => o.EndedAt < now).GroupBy(o => o.Status).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => CompensatingState.EndOf(g.Key), g => g.Count, ct).ConfigureAwait(false);
        return new(now, ended);
    }

    /// <summary>How the whole shop stands, with those that are under way the longest.</summary>
    /// <param name="known">What was counted before of those that ended; those since are added.</param>
    /// <param name="longest">How many of the longest.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<ShopStand> StandAsync(EndedOrders? known, int longest, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var (slow, lately, since) = (now - machine.SlowAfter, now - Lately, known?.At ?? DateTimeOffset.MinValue);
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        // One that has ended waits again where its undo is tried anew.
        var asked = await db.Orders.Where(o => o.NotDueBefore != null && o.Asked != null).GroupBy(o => new { State = o.CurrentState, Asked = o.Asked! }).Select(g => new
        {
            g.Key.State,
            g.Key.Asked,
            Count = g.Count(),
            Open = g.Sum(o => o.EndedAt == null ? 1 : 0),
            Paused = g.Sum(o => o.EndedAt == null && o.PausedAt != null ? 1 : 0),
            Slow = g.Sum(o => o.EndedAt == null && o.StartedAt <= slow ? 1 : 0),
            Lately = g.Sum(o => o.EndedAt == null && o.StartedAt >= lately ? 1 : 0),
        }).ToListAsync(ct).ConfigureAwait(false);
        var first = since < lately ? since : lately;
        var ended = await db.Orders.Where(o => o.EndedAt >= first).GroupBy(o => o.Status).Select(g => new
        {
            State = CompensatingState.EndOf(g.Key),
            Count = g.Sum(o => o.EndedAt >= since ? 1 : 0),
            Lately = g.Sum(o => o.EndedAt >= lately ? 1 : 0),
            Started = g.Sum(o => o.EndedAt >= lately && o.StartedAt >= lately ? 1 : 0),
        }).ToListAsync(ct).ConfigureAwait(false);
        var stuck = await db.Stuck.Where(s => s.ResolvedAt == null).GroupBy(s => s.Step).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct).ConfigureAwait(false);
        var open = asked.Sum(a => a.Open);
        var oldest = open == 0 ? [] : await db.Orders.AsNoTracking().Where(o => o.NotDueBefore != null && o.EndedAt == null).OrderBy(o => o.StartedAt).Take(longest).ToListAsync(ct).ConfigureAwait(false);
        int Ended(string state) => ended.Find(e => e.State == state)?.Lately ?? 0;
        var started = asked.Sum(a => a.Lately) + ended.Sum(e => e.Started);
        var summary = new ShopSummary(
            now,
            States.ToDictionary(state => state, state => asked.Where(a => a.State == state).Sum(a => a.Open) + ended.Where(e => e.State == state).Sum(e => e.Count) + (known?.States.GetValueOrDefault(state) ?? 0)),
            open, asked.Sum(a => a.Paused), asked.Sum(a => a.Slow), machine.SlowAfter.TotalSeconds, oldest.Count == 0 ? null : Line(oldest[0]), stuck.Values.Sum(),
            new(Lately.TotalSeconds, started, Ended(StateNames.Complete), Ended(StateNames.Compensated), Ended(StateNames.Failed), started / Lately.TotalSeconds, ended.Sum(e => e.Lately) / Lately.TotalSeconds));
        return new(summary, new(asked.GroupBy(a => a.Asked).ToDictionary(g => g.Key, g => g.Sum(a => a.Count)), stuck), [.. oldest.Select(Line)]);
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
        var ended = await db.Orders.Where(o => o.EndedAt >= since).GroupBy(o => new { o.EndedAt!.Value.Hour, o.EndedAt!.Value.Minute, o.Status })
            .Select(g => new { g.Key.Hour, g.Key.Minute, State = CompensatingState.EndOf(g.Key.Status), Count = g.Count() }).ToListAsync(ct).ConfigureAwait(false);
        var began = await db.Orders.Where(o => o.EndedAt >= since && o.StartedAt >= since).Select(o => o.StartedAt)
            .Concat(db.Orders.Where(o => o.NotDueBefore != null && o.EndedAt == null && o.StartedAt >= since).Select(o => o.StartedAt))
            .GroupBy(at => new { at.Hour, at.Minute }).Select(g => new { g.Key.Hour, g.Key.Minute, Count = g.Count() }).ToListAsync(ct).ConfigureAwait(false);
        var first = since.AddTicks(-(since.Ticks % TimeSpan.TicksPerMinute));
        return
        [
            .. Enumerable.Range(0, (int)Math.Max(0, Math.Ceiling((now - first).TotalMinutes))).Select(i => first.AddMinutes(i)).Select(at =>
            {
                var there = ended.Where(e => e.Hour == at.Hour && e.Minute == at.Minute).ToList();
                return new ShopMinute(at, began.Where(b => b.Hour == at.Hour && b.Minute == at.Minute).Sum(b => b.Count),
                    there.Where(e => e.State == StateNames.Complete).Sum(e => e.Count), there.Where(e => e.State != StateNames.Complete).Sum(e => e.Count));
            }),
        ];
    }
}
