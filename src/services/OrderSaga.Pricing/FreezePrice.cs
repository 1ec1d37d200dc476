using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Fixes what an order costs, if it costs what the customer saw; and lets the price go again.</summary>
internal sealed class FreezePriceStep(PricingDb db, TimeProvider time) : Step<PricingDb, FreezePrice, ReleasePrice>(db)
{
    protected override object BusinessOf(FreezePrice ask) => new { ask.Currency, Lines = ask.Lines.Select(l => new { l.ProductId, l.Quantity, l.UnitPrice }) };

    /// <summary>Reads the prices of now, as far as there are any.</summary>
    protected override Task PrepareAsync(IReadOnlyList<FreezePrice> asks, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var (ids, currencies) = (asks.SelectMany(IdsOf).Distinct().ToList(), asks.Select(a => a.Currency).Distinct().ToList());
        return Db.Prices.AsTracking()
            .Where(p => currencies.Contains(p.Currency) && ids.Contains(p.ProductId) && p.ValidFrom <= now && (p.ValidUntil == null || p.ValidUntil > now))
            .LoadAsync(ct);
    }

    protected override Task<StepAnswer> DoAsync(FreezePrice ask, CancellationToken ct) => Task.FromResult(Freeze(ask));

    private StepAnswer Freeze(FreezePrice ask)
    {
        var ids = IdsOf(ask);
        // Of several that hold, the one that came last counts.
        var prices = Db.Prices.Local.Where(p => p.Currency == ask.Currency && ids.Contains(p.ProductId))
            .GroupBy(p => p.ProductId).ToDictionary(p => p.Key, p => p.MaxBy(v => v.ValidFrom)!.UnitPrice);

        var unknown = ids.Where(id => !prices.ContainsKey(id)).ToList();
        if (unknown.Count > 0)
            return RefusedAtOnce(Refusal(ask.OrderId, "UNKNOWN_PRICE", $"There is no price in {ask.Currency} for {string.Join(", ", unknown)}."));

        var changed = ask.Lines.Where(l => l.UnitPrice is { } quote && quote != prices[l.ProductId])
            .Select(l => $"{l.ProductId} was quoted at {l.UnitPrice:0.00##} and costs {prices[l.ProductId]:0.00##} {ask.Currency}").ToList();
        if (changed.Count > 0)
            return RefusedAtOnce(Refusal(ask.OrderId, "PRICE_CHANGED", $"{string.Join("; ", changed)}."));

        // Each line is rounded for itself, half a cent to the even one: the customer can add up what the invoice shows.
        var total = ask.Lines.Sum(l => Math.Round(prices[l.ProductId] * l.Quantity, 2, MidpointRounding.ToEven));
        Db.Add(new FrozenPrice { OrderId = ask.OrderId, Total = total, Currency = ask.Currency, Status = FrozenPriceStatus.Frozen });
        return Done(new PriceFrozen(ask.OrderId, total, ask.Currency));
    }

    protected override async Task<object> UndoAsync(ReleasePrice ask, CancellationToken ct)
    {
        await Db.FrozenPrices.Where(f => f.OrderId == ask.OrderId)
            .ExecuteUpdateAsync(set => set.SetProperty(f => f.Status, FrozenPriceStatus.Released), ct).ConfigureAwait(false);
        return new PriceReleased(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new PriceReleased(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new PriceRefused(orderId, reason, detail);

    private static List<string> IdsOf(FreezePrice ask) => [.. ask.Lines.Select(l => l.ProductId).Distinct()];
}
