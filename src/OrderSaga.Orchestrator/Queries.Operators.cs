using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;

namespace OrderSaga.Orchestrator;

// What operators read. Orders under way are few, and have an index of their own, as have those that ended, by their end: so a list is
// those under way, the youngest first, and then the ended ones, the last that ended first; or, asked for by itself, the archive.
// Where a page begins is said as one bound first, which an index can be entered at; of an alternative of two it would be read from its top.
public sealed partial class Queries
{
    private const int PageSize = 50, MostLooked = 20_000;
    private const char UnderWay = 'u', AtRest = 'r';

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
            found = await Matching(UnderWayBehind(db, mark, filter), filter).OrderByDescending(o => o.StartedAt).ThenByDescending(o => o.CorrelationId).Take(PageSize + 1).ToListAsync(ct).ConfigureAwait(false);
        if (found.Count <= PageSize && filter.Status is not "Processing" && (filter.State is null || StateNames.IsEnd(filter.State)))
        {
            var (before, last) = mark.Part == AtRest ? (mark.At, mark.Id) : (DateTimeOffset.MaxValue, Guid.Empty);
            var ended = Narrowed(db, filter.Archived ? db.Archived : db.Orders.Where(o => o.EndedAt != null), filter)
                .Where(o => o.EndedAt <= before && (o.EndedAt < before || o.CorrelationId.CompareTo(last) < 0))
                .OrderByDescending(o => o.EndedAt).ThenByDescending(o => o.CorrelationId);
            found.AddRange(await Matching(filter.Looks ? ended.Take(MostLooked) : ended, filter)
                .OrderByDescending(o => o.EndedAt).ThenByDescending(o => o.CorrelationId).Take(PageSize + 1 - found.Count).ToListAsync(ct).ConfigureAwait(false));
            if (filter.Looks && found.Count <= PageSize
                && await ended.Skip(MostLooked - 1).Select(o => new { o.EndedAt, o.CorrelationId }).FirstOrDefaultAsync(ct).ConfigureAwait(false) is { } further)
                return new([.. found.Select(Line)], $"{new PageMark(AtRest, further.EndedAt!.Value, further.CorrelationId)}");
        }

        var shown = found.Take(PageSize).ToList();
        var next = found.Count <= PageSize ? (PageMark?)null
            : shown[^1] is { EndedAt: { } end } rested ? new(AtRest, end, rested.OrderId) : new(UnderWay, shown[^1].StartedAt, shown[^1].OrderId);
        return new([.. shown.Select(Line)], next?.ToString());
    }

    /// <summary>Orders under way, for acting on many of them; none if <paramref name="page"/> is no word that a page gave.</summary>
    public async Task<Page<OrderSummary>?> UnderWayAsync(OrderFilter filter, string? page, int most, CancellationToken ct)
    {
        if ((page is null ? new PageMark(UnderWay, DateTimeOffset.MaxValue, Guid.Empty) : PageMark.Read(page)) is not { Part: UnderWay } mark)
            return null;
        await using var scope = scopes.CreateAsyncScope();
        var behind = UnderWayBehind(Db(scope), mark, filter);
        var found = await behind.OrderByDescending(o => o.StartedAt).ThenByDescending(o => o.CorrelationId).Take(most + 1).ToListAsync(ct).ConfigureAwait(false);
        return new([.. found.Take(most).Select(Line)], found.Count <= most ? null : $"{MarkOf(found[most - 1].StartedAt, found[most - 1].OrderId)}")
        {
            Matched = await behind.CountAsync(ct).ConfigureAwait(false),
        };
    }

    /// <summary>Behind which the next page of orders under way begins.</summary>
    public static PageMark MarkOf(DateTimeOffset startedAt, Guid orderId) => new(UnderWay, startedAt, orderId);

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
            Steps = OrderView.Of(machine, order, log).Steps,
            Stuck = [.. stuck.Select(s => Line(s, order))],
            Log = [.. log.Select(entry => Line(entry, log))],
        };
    }

    /// <summary>A page of what is stuck, the oldest first; none if <paramref name="page"/> is no word that a page gave.</summary>
    public Task<Page<StuckLine>?> StuckAsync(StuckFilter filter, string? page, CancellationToken ct) => StuckAsync(filter, page, PageSize, resting: false, ct);

    /// <summary>What is stuck in orders that came to rest, for acting on much of it.</summary>
    public Task<Page<StuckLine>?> StuckAtRestAsync(StuckFilter filter, string? page, int most, CancellationToken ct) => StuckAsync(filter, page, most, resting: true, ct);

    /// <summary>Behind which the next page of what is stuck begins.</summary>
    public static PageMark MarkOf(StuckLine stuck) => new(UnderWay, stuck.Since, stuck.OrderId, stuck.Step);

    /// <summary>How undos ended that were tried again: true, false where one has failed again; those that are not answered yet are left out.</summary>
    public async Task<IReadOnlyDictionary<(Guid OrderId, string Step), bool>> UndosEndedAsync(IReadOnlyCollection<(Guid OrderId, string Step)> undos, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var ids = undos.Select(u => u.OrderId).Distinct().ToList();
        var found = await (from stuck in db.Stuck where ids.Contains(stuck.OrderId) join order in db.Orders on stuck.OrderId equals order.CorrelationId select new { Stuck = stuck, Order = order })
            .AsNoTracking().ToListAsync(ct).ConfigureAwait(false);
        var ended = new Dictionary<(Guid, string), bool>();
        foreach (var at in found.Where(f => undos.Contains((f.Stuck.OrderId, f.Stuck.Step))))
            if (at.Stuck.ResolvedAt is not null)
                ended.Add((at.Stuck.OrderId, at.Stuck.Step), true);
            else if (Line(at.Stuck, at.Order).Status == "stuck" || (at.Order.Asked == machine.ActionsOf(at.Stuck.Step)?.Undo && (at.Order.Attempt > 1 || at.Order.Phase == CompensatingState.Word(Phase.Pausing))))
                ended.Add((at.Stuck.OrderId, at.Stuck.Step), false);
        return ended;
    }

    /// <summary>
    /// What operators did to orders, the last first, behind a mark; which may be of another list that is told along with this one, and
    /// behind it where both happened at once.
    /// </summary>
    public async Task<IReadOnlyList<AuditEntry>> AuditAsync(Guid? orderId, PageMark? mark, int most, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var audit = Db(scope).Audit.AsNoTracking().Where(a => orderId == null || a.OrderId == orderId);
        if (mark is { } m)
            audit = m.Part == UnderWay ? audit.Where(a => a.At <= m.At && (a.At < m.At || a.Id.CompareTo(m.Id) < 0)) : audit.Where(a => a.At < m.At);
        return await audit.OrderByDescending(a => a.At).ThenByDescending(a => a.Id).Take(most).ToListAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Behind which the next page of what operators did begins.</summary>
    public static PageMark MarkOf(AuditEntry entry) => new(UnderWay, entry.At, entry.Id);

    private async Task<Page<StuckLine>?> StuckAsync(StuckFilter filter, string? page, int size, bool resting, CancellationToken ct)
    {
        if ((page is null ? new PageMark(UnderWay, DateTimeOffset.MinValue, Guid.Empty) : PageMark.Read(page)) is not { Part: UnderWay } mark)
            return null;
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var latest = filter.OlderThan is { } age ? time.GetUtcNow() - age : DateTimeOffset.MaxValue;
        var behind =
            from stuck in db.Stuck
            where stuck.ResolvedAt == null && stuck.Since <= latest && (filter.Step == null || stuck.Step == filter.Step)
            where stuck.Since >= mark.At && (stuck.Since > mark.At || stuck.OrderId.CompareTo(mark.Id) > 0 || (stuck.OrderId == mark.Id && stuck.Step.CompareTo(mark.Text) > 0))
            join order in db.Orders on stuck.OrderId equals order.CorrelationId
            where filter.Customer == null || order.CustomerId == filter.Customer
            where !resting || (order.CurrentState == StateNames.Failed && order.Asked == null)
            orderby stuck.Since, stuck.OrderId, stuck.Step
            select new { Stuck = stuck, Order = order };
        var found = await behind.AsNoTracking().Take(size + 1).ToListAsync(ct).ConfigureAwait(false);
        var shown = found.Take(size).Select(f => Line(f.Stuck, f.Order)).ToList();
        return new(shown, found.Count <= size ? null : $"{MarkOf(shown[^1])}") { Matched = resting ? await behind.CountAsync(ct).ConfigureAwait(false) : null };
    }

    private IQueryable<OrderState> UnderWayBehind(OrchestratorDb db, PageMark mark, OrderFilter filter) =>
        Narrowed(db, db.Orders.Where(o => o.NotDueBefore != null && o.EndedAt == null), filter)
            .Where(o => o.StartedAt < mark.At || (o.StartedAt == mark.At && o.CorrelationId.CompareTo(mark.Id) < 0));

    private IQueryable<OrderState> Narrowed(OrchestratorDb db, IQueryable<OrderState> orders, OrderFilter filter)
    {
        orders = orders.AsNoTracking();
        // Those that ended are found by their status, which their index knows.
        if (filter.State is { } state)
            orders = StateNames.IsEnd(state) && CompensatingState.StatusOf(state) is var end ? orders.Where(o => o.Status == end) : orders.Where(o => o.CurrentState == state);
        if (filter.Status is { } status)
            orders = orders.Where(o => o.Status == status);
        // The failed ones are found by what is left to do: few among many that have ended.
        if (filter.State == StateNames.Failed || filter.Status == "NeedsAttention")
            orders = orders.Where(o => db.Stuck.Any(s => s.OrderId == o.CorrelationId && s.ResolvedAt == null));
        if (filter.Step is { } step && machine.ActionsOf(step) is var (ask, undo))
            orders = orders.Where(o => o.NotDueBefore != null && (o.Asked == ask || o.Asked == undo));
        if (filter.Customer is { } customer)
            orders = orders.Where(o => o.CustomerId == customer);
        // Who is held waits for something: what is at rest is not.
        if (filter.Paused is { } paused)
            orders = paused ? orders.Where(o => o.NotDueBefore != null && o.PausedAt != null) : orders.Where(o => o.PausedAt == null);
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
