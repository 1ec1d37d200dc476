using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Orchestrator;

// What operators read. Orders under way are few, and have an index of their own, as have those that ended, by their end: so a list is
// those under way, the youngest first, and then the ended ones, the last that ended first; or, asked for by itself, the archive.
public sealed partial class Queries
{
    private const int PageSize = 50;
    private const char UnderWay = 'u', AtRest = 'r';
    private static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(5);

    /// <summary>The states that an order may be in, in the order of the table.</summary>
    public IReadOnlyList<string> States => machine.StateNamesInOrder;

    /// <summary>The steps that there are.</summary>
    public IReadOnlyList<string> Steps => [.. machine.AllSteps];

    /// <summary>A page of the orders; none if <paramref name="page"/> is no word that a page gave.</summary>
    public async Task<Page<OrderSummary>?> ListAsync(OrderFilter filter, string? page, CancellationToken ct)
    {
        var from = page is null ? new PageMark(UnderWay, DateTimeOffset.MaxValue, Guid.Empty) : PageMark.Read(page);
        if (from is not { Part: UnderWay or AtRest } mark)
            return null;
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var found = new List<OrderState>();
        if (mark.Part == UnderWay && !filter.Archived && filter.Status is null or "Processing")
            found = await Narrowed(db, db.Orders.Where(o => o.Asked != null && o.EndedAt == null), filter)
                .Where(o => o.StartedAt < mark.At || (o.StartedAt == mark.At && o.CorrelationId.CompareTo(mark.Id) < 0))
                .OrderByDescending(o => o.StartedAt).ThenByDescending(o => o.CorrelationId).Take(PageSize + 1).ToListAsync(ct).ConfigureAwait(false);
        if (found.Count <= PageSize && filter.Status is not "Processing")
        {
            var (before, last) = mark.Part == AtRest ? (mark.At, mark.Id) : (DateTimeOffset.MaxValue, Guid.Empty);
            found.AddRange(await Narrowed(db, filter.Archived ? db.Archived : db.Orders.Where(o => o.EndedAt != null), filter)
                .Where(o => o.EndedAt < before || (o.EndedAt == before && o.CorrelationId.CompareTo(last) < 0))
                .OrderByDescending(o => o.EndedAt).ThenByDescending(o => o.CorrelationId).Take(PageSize + 1 - found.Count).ToListAsync(ct).ConfigureAwait(false));
        }

        var shown = found.Take(PageSize).ToList();
        var next = found.Count <= PageSize ? (PageMark?)null
            : shown[^1] is { EndedAt: { } ended } rested ? new(AtRest, ended, rested.OrderId) : new(UnderWay, shown[^1].StartedAt, shown[^1].OrderId);
        return new([.. shown.Select(Line)], next?.ToString());
    }

    /// <summary>All that is known of an order.</summary>
    public async Task<OrderFile?> FileAsync(Guid orderId, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var order = await db.FindAsync(orderId, ct).ConfigureAwait(false);
        if (order is null)
            return null;
        var log = await db.Log.AsNoTracking().Where(e => e.OrderId == orderId).OrderBy(e => e.Seq).ToListAsync(ct).ConfigureAwait(false);
        var stuck = await db.Stuck.AsNoTracking().Where(s => s.OrderId == orderId).OrderBy(s => s.Since).ToListAsync(ct).ConfigureAwait(false);
        return new(Line(order))
        {
            CancelReason = order.CancelReason,
            Steps = View(order, log).Steps,
            Stuck = [.. stuck.Select(s => Line(s, order))],
            Log = [.. log.Select(entry => Line(entry, log))],
        };
    }

    /// <summary>A page of what is stuck, the oldest first; none if <paramref name="page"/> is no word that a page gave.</summary>
    public async Task<Page<StuckLine>?> StuckAsync(string? page, CancellationToken ct)
    {
        if ((page is null ? new PageMark(UnderWay, DateTimeOffset.MinValue, Guid.Empty) : PageMark.Read(page)) is not { } mark)
            return null;
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var found = await (
            from stuck in db.Stuck
            where stuck.ResolvedAt == null
            where stuck.Since > mark.At || (stuck.Since == mark.At && (stuck.OrderId.CompareTo(mark.Id) > 0 || (stuck.OrderId == mark.Id && stuck.Step.CompareTo(mark.Text) > 0)))
            join order in db.Orders on stuck.OrderId equals order.CorrelationId
            orderby stuck.Since, stuck.OrderId, stuck.Step
            select new { Stuck = stuck, Order = order }).AsNoTracking().Take(PageSize + 1).ToListAsync(ct).ConfigureAwait(false);
        var shown = found.Take(PageSize).ToList();
        return new([.. shown.Select(f => Line(f.Stuck, f.Order))], found.Count <= PageSize ? null : new PageMark(UnderWay, shown[^1].Stuck.Since, shown[^1].Stuck.OrderId, shown[^1].Stuck.Step).ToString());
    }

    /// <summary>A page of what operators did, the last first; none if <paramref name="page"/> is no word that a page gave.</summary>
    public async Task<Page<AuditEntry>?> AuditAsync(Guid? orderId, string? page, CancellationToken ct)
    {
        if ((page is null ? new PageMark(UnderWay, DateTimeOffset.MaxValue, Guid.Empty) : PageMark.Read(page)) is not { } mark)
            return null;
        await using var scope = scopes.CreateAsyncScope();
        var found = await Db(scope).Audit.AsNoTracking().Where(a => orderId == null || a.OrderId == orderId)
            .Where(a => a.At < mark.At || (a.At == mark.At && a.Id.CompareTo(mark.Id) < 0))
            .OrderByDescending(a => a.At).ThenByDescending(a => a.Id).Take(PageSize + 1).ToListAsync(ct).ConfigureAwait(false);
        return new([.. found.Take(PageSize)], found.Count <= PageSize ? null : new PageMark(UnderWay, found[PageSize - 1].At, found[PageSize - 1].Id).ToString());
    }

    /// <summary>How the shop is doing.</summary>
    public async Task<ShopSummary> SummaryAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var (slow, since) = (now - SlowAfter, now - Lately);
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var underWay = db.Orders.AsNoTracking().Where(o => o.Asked != null && o.EndedAt == null);
        var open = await underWay.GroupBy(o => o.CurrentState).Select(g => new
        {
            State = g.Key,
            Count = g.Count(),
            Paused = g.Sum(o => o.PausedAt != null ? 1 : 0),
            Slow = g.Sum(o => o.StartedAt <= slow ? 1 : 0),
            Lately = g.Sum(o => o.StartedAt >= since ? 1 : 0),
        }).ToListAsync(ct).ConfigureAwait(false);
        var ended = await db.Orders.Where(o => o.EndedAt != null).GroupBy(o => o.CurrentState).Select(g => new { State = g.Key, Count = g.Count() }).ToListAsync(ct).ConfigureAwait(false);
        var lately = await db.Orders.Where(o => o.EndedAt >= since).GroupBy(o => o.CurrentState)
            .Select(g => new { State = g.Key, Count = g.Count(), Started = g.Sum(o => o.StartedAt >= since ? 1 : 0) }).ToListAsync(ct).ConfigureAwait(false);
        var oldest = await underWay.OrderBy(o => o.StartedAt).FirstOrDefaultAsync(ct).ConfigureAwait(false);
        var stuck = await db.Stuck.CountAsync(s => s.ResolvedAt == null, ct).ConfigureAwait(false);
        int Ended(string state) => lately.Find(l => l.State == state)?.Count ?? 0;
        var started = open.Sum(o => o.Lately) + lately.Sum(l => l.Started);
        return new(
            now,
            States.ToDictionary(state => state, state => open.Where(o => o.State == state).Sum(o => o.Count) + ended.Where(e => e.State == state).Sum(e => e.Count)),
            open.Sum(o => o.Count), open.Sum(o => o.Paused), open.Sum(o => o.Slow), SlowAfter.TotalSeconds, oldest is null ? null : Line(oldest), stuck,
            new(Lately.TotalSeconds, started, Ended(StateNames.Complete), Ended(StateNames.Compensated), Ended(StateNames.Failed), started / Lately.TotalSeconds, lately.Sum(l => l.Count) / Lately.TotalSeconds));
    }

    private IQueryable<OrderState> Narrowed(OrchestratorDb db, IQueryable<OrderState> orders, OrderFilter filter)
    {
        orders = orders.AsNoTracking();
        if (filter.State is { } state)
            orders = orders.Where(o => o.CurrentState == state);
        if (filter.Status is { } status)
            orders = orders.Where(o => o.Status == status);
        // The failed ones are found by what is left to do: few among many that have ended.
        if (filter.State == StateNames.Failed || filter.Status == "NeedsAttention")
            orders = orders.Where(o => db.Stuck.Any(s => s.OrderId == o.CorrelationId && s.ResolvedAt == null));
        if (filter.Step is { } step && machine.ActionsOf(step) is var (ask, undo))
            orders = orders.Where(o => o.Asked != null && (o.Asked == ask || o.Asked == undo));
        if (filter.Customer is { } customer)
            orders = orders.Where(o => o.CustomerId == customer);
        if (filter.OlderThan is { } age && time.GetUtcNow() - age is var latest)
            orders = orders.Where(o => o.StartedAt <= latest);
        return orders;
    }

    private static OrderSummary Line(OrderState o) => new(
        o.OrderId, o.Status, o.CurrentState, o.Reason, o.CustomerId, o.Total, o.Currency, o.StartedAt, o.UpdatedAt, o.EndedAt, o.Asked, o.Attempt, o.Phase, o.Due, o.PausedAt);

    private static StuckLine Line(StuckUndo stuck, OrderState order)
    {
        var mark = Array.IndexOf(order.Route.Split(' '), stuck.Step) is >= 0 and var i ? order.Steps.Split(' ')[i] : null;
        var status = stuck.ResolvedAt is not null ? "settled" : mark == CompensatingState.Word(StepStatus.Stuck) ? "stuck" : "retrying";
        return new(stuck.OrderId, stuck.Step, status, stuck.Error, stuck.Attempts, stuck.Since, stuck.ResolvedAt, order.CurrentState, order.CustomerId, order.Total, order.Currency);
    }

    private static LogLine Line(SagaLogEntry entry, List<SagaLogEntry> log)
    {
        // The key ends with the action that was answered.
        var asked = entry.Key is { } key ? log.Find(e => e.Seq < entry.Seq && e.Asks is { } asks && key.EndsWith($":{asks}", StringComparison.Ordinal)) : null;
        return new(entry.Seq, entry.At, entry.Step, entry.Direction, entry.Attempt, entry.Status, (entry.At - asked?.At)?.TotalMilliseconds, entry.Asks, entry.Key, entry.MessageId, entry.Error, entry.Actor);
    }

    private static OrchestratorDb Db(AsyncServiceScope scope) => scope.ServiceProvider.GetRequiredService<OrchestratorDb>();
}
