using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>
/// Holds all that an order needs, or nothing; and gives it free again. Where others hold what it needs, and may give it free, an order
/// waits for a while, if that is the policy: then its own marks say so, and nothing else is held meanwhile.
/// </summary>
internal sealed class ReserveInventoryStep(InventoryDb db, IOptions<InventoryOptions> options, TimeProvider time)
    : LongStep<InventoryDb, ReserveInventory, ReleaseInventory>(db)
{
    // An order that waits looks again often at first, then ever less often.
    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(250), LongestLook = TimeSpan.FromSeconds(2);

    // Between the end of the wait and the answer: a look is seldom to the second, and the answer has a way to go.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(10);

    protected override object BusinessOf(ReserveInventory ask) => ask.Lines.Select(l => new { l.ProductId, l.Quantity });

    /// <summary>Takes what orders that come together need of each product at once; who does not get all that he needs, gets nothing here.</summary>
    protected override async Task PrepareAsync(IReadOnlyList<ReserveInventory> asks, CancellationToken ct)
    {
        var fit = asks.Where(a => a.Lines.All(l => l.Quantity > 0)).ToDictionary(a => a.OrderId, WantedBy);
        // One alone needs not be told before what there is.
        if (fit.Count > 1)
            fit = await WhatFitsAsync(fit, ct).ConfigureAwait(false);
        var together = fit.Values.SelectMany(w => w).GroupBy(p => p.Id, (id, all) => new Wanted(id, all.Sum(p => p.Quantity)));
        if (await TakeAsync(together, ct).ConfigureAwait(false) is [])
            foreach (var (orderId, wanted) in fit)
                Mark(orderId, wanted, ReservationStatus.Pending);
    }

    protected override async Task<StepAnswer> DoAsync(ReserveInventory ask, CancellationToken ct)
    {
        if (ask.Lines.Any(l => l.Quantity < 1))
            return RefusedAtOnce(Refusal(ask.OrderId, "INVALID_QUANTITY", "At least one of each product has to be reserved."));
        var wanted = WantedBy(ask);
        if (wanted.All(p => Db.Reservations.Local.FindEntryUntyped([ask.OrderId, p.Id]) is not null))
            return Done(new InventoryReserved(ask.OrderId));
        if (ShortAtFirst(wanted) is [_, ..] gone)
            return OutOfStock(ask.OrderId, gone);

        // Of some products it may have got enough. And whoever shares a commit holds stock, and must not wait for more.
        await RollBackEffectAsync(ct).ConfigureAwait(false);
        if (await ShortOfAsync(wanted, Free, ct).ConfigureAwait(false) is not [_, ..] missing)
            throw new DbUpdateConcurrencyException($"What {ask.OrderId} had not got has just been given free.");
        if (options.Value.Pending == PendingPolicy.FailFast)
            return OutOfStock(ask.OrderId, missing);
        if (await ShortOfAsync(wanted, OnHand, ct).ConfigureAwait(false) is [_, ..] never)
            return OutOfStock(ask.OrderId, never);
        Mark(ask.OrderId, wanted, ReservationStatus.Waiting);
        return LookAgain(time.GetUtcNow());
    }

    protected override async Task<StepAnswer> CarryOnAsync(Guid orderId, DateTimeOffset since, CancellationToken ct)
    {
        var wanted = await Db.Reservations.AsNoTracking().Where(r => r.OrderId == orderId && r.Status == ReservationStatus.Waiting)
            .Select(r => new Wanted(r.ProductId, r.Quantity)).ToListAsync(ct).ConfigureAwait(false);
        var missing = await ShortOfAsync(wanted, Free, ct).ConfigureAwait(false);
        if (missing is [])
        {
            await Db.MoveAsync(orderId, ReservationStatus.Waiting, ReservationStatus.Pending, ct).ConfigureAwait(false);
            missing = await TakeAsync(wanted, ct).ConfigureAwait(false);
            if (missing is [])
                return Done(new InventoryReserved(orderId));
            await RollBackEffectAsync(ct).ConfigureAwait(false); // somebody else was faster
        }

        var never = await ShortOfAsync(wanted, OnHand, ct).ConfigureAwait(false);
        if (never is [] && time.GetUtcNow() < since + options.Value.PendingTime)
            return LookAgain(since);
        await Db.MoveAsync(orderId, ReservationStatus.Waiting, ReservationStatus.Refused, ct).ConfigureAwait(false);
        return OutOfStock(orderId, never is [] ? missing : never);
    }

    protected override async Task<object> UndoAsync(ReleaseInventory ask, CancellationToken ct)
    {
        await Db.MoveAsync(ask.OrderId, ReservationStatus.Waiting, ReservationStatus.Released, ct).ConfigureAwait(false);
        await Db.ReleaseAsync(ask.OrderId, ct).ConfigureAwait(false);
        return new InventoryReleased(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new InventoryReleased(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new InventoryRefused(orderId, reason, detail);

    protected override object StillAtWork(Guid orderId, DateTimeOffset until) => new StepProgress(orderId, Name, until);

    private static StepAnswer OutOfStock(Guid orderId, IReadOnlyList<string> missing) =>
        RefusedAtOnce(new InventoryRefused(orderId, "OUT_OF_STOCK", $"There is not enough of {string.Join(", ", missing)}.", missing));

    private StepAnswer LookAgain(DateTimeOffset since)
    {
        var (now, end) = (time.GetUtcNow(), since + options.Value.PendingTime);
        var next = now + TimeSpan.FromTicks(Math.Clamp((now - since).Ticks / 4, ShortestLook.Ticks, LongestLook.Ticks));
        return Later(next < end ? next : end, end + Slack);
    }

    private static List<Wanted> WantedBy(ReserveInventory ask) => [.. ask.Lines.GroupBy(l => l.ProductId, (id, lines) => new Wanted(id, lines.Sum(l => (long)l.Quantity)))];

    private void Mark(Guid orderId, IEnumerable<Wanted> wanted, string status) => Db.AddRange(wanted.Where(p => p.Id.Length <= Stock.LongestProductId)
        .Select(p => new Reservation { OrderId = orderId, ProductId = p.Id, Quantity = p.Quantity, Status = status }));

    /// <summary>Takes what it can, and returns what there is not enough of. If that is anything, nothing of it may be kept.</summary>
    private async Task<IReadOnlyList<string>> TakeAsync(IEnumerable<Wanted> wanted, CancellationToken ct)
    {
        var missing = new List<string>();
        foreach (var (id, quantity) in wanted.OrderBy(p => p.Id, StringComparer.Ordinal))
            if (!await Db.TryReserveAsync(id, quantity, ct).ConfigureAwait(false))
                missing.Add(id);
        return missing;
    }

    /// <summary>Those who get all that they need, after those before them, unless somebody else is faster.</summary>
    private async Task<Dictionary<Guid, List<Wanted>>> WhatFitsAsync(Dictionary<Guid, List<Wanted>> orders, CancellationToken ct)
    {
        var ids = orders.Values.SelectMany(w => w).Select(p => p.Id).Distinct().ToList();
        var free = await Db.Stock.AsTracking().Where(s => ids.Contains(s.ProductId)).ToDictionaryAsync(s => s.ProductId, Free, ct).ConfigureAwait(false);
        var fit = new Dictionary<Guid, List<Wanted>>();
        foreach (var (orderId, wanted) in orders.Where(o => o.Value.All(p => free.GetValueOrDefault(p.Id) >= p.Quantity)))
        {
            fit.Add(orderId, wanted);
            wanted.ForEach(p => free[p.Id] -= p.Quantity);
        }

        return fit;
    }

    /// <summary>
    /// What there was not enough of before any of those who share a commit took some, so nothing was taken for who needs it. Nothing, if that
    /// was not looked at, or if it may make sense to wait.
    /// </summary>
    private List<string> ShortAtFirst(List<Wanted> wanted)
    {
        Func<Stock, long> there = options.Value.Pending == PendingPolicy.FailFast ? Free : OnHand;
        var was = wanted.Select(p => Db.Stock.Local.FindEntry(p.Id)?.Entity).OfType<Stock>().ToDictionary(s => s.ProductId, there);
        return was.Count < wanted.Count ? [] : Short(wanted, was);
    }

    /// <summary>What there is not enough of. Short of what is on hand, it makes no sense to wait; short of what is free, it may.</summary>
    private async Task<IReadOnlyList<string>> ShortOfAsync(IReadOnlyList<Wanted> wanted, Func<Stock, long> there, CancellationToken ct)
    {
        var ids = wanted.Select(p => p.Id).ToList();
        return Short(wanted, await Db.Stock.AsNoTracking().Where(s => ids.Contains(s.ProductId)).ToDictionaryAsync(s => s.ProductId, there, ct).ConfigureAwait(false));
    }

    private static List<string> Short(IEnumerable<Wanted> wanted, Dictionary<string, long> stock) =>
        [.. wanted.Where(p => stock.GetValueOrDefault(p.Id) < p.Quantity).Select(p => p.Id).Order(StringComparer.Ordinal)];

    private static long Free(Stock stock) => stock.OnHand - stock.Reserved;

    private static long OnHand(Stock stock) => stock.OnHand;

    private sealed record Wanted(string Id, long Quantity);
}
