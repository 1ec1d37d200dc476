using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Holds all that an order needs, or nothing; and gives it free again.</summary>
internal sealed class ReserveInventoryStep(InventoryDb db) : Step<InventoryDb, ReserveInventory, ReleaseInventory>(db)
{
    protected override object BusinessOf(ReserveInventory ask) => ask.Lines.Select(l => new { l.ProductId, l.Quantity });

    protected override async Task<StepAnswer> DoAsync(ReserveInventory ask, CancellationToken ct)
    {
        if (ask.Lines.Any(l => l.Quantity < 1))
            return Refused(Refusal(ask.OrderId, "INVALID_QUANTITY", "At least one of each product has to be reserved."));

        var wanted = ask.Lines.GroupBy(l => l.ProductId, (id, lines) => (Id: id, Quantity: lines.Sum(l => (long)l.Quantity)))
            .OrderBy(p => p.Id, StringComparer.Ordinal).ToList();
        Db.AddRange(wanted.Where(p => p.Id.Length <= Stock.LongestProductId).Select(p => new Reservation
        {
            OrderId = ask.OrderId,
            ProductId = p.Id,
            Quantity = p.Quantity,
            Status = ReservationStatus.Pending,
        }));
        await Db.SaveChangesAsync(ct).ConfigureAwait(false);

        var missing = new List<string>();
        foreach (var (id, quantity) in wanted)
        {
            if (!await Db.TryReserveAsync(id, quantity, ct).ConfigureAwait(false))
                missing.Add(id);
        }

        return missing is []
            ? Done(new InventoryReserved(ask.OrderId))
            : Refused(new InventoryRefused(ask.OrderId, "OUT_OF_STOCK", $"There is not enough of {string.Join(", ", missing)}.", missing));
    }

    protected override async Task<object> UndoAsync(ReleaseInventory ask, CancellationToken ct)
    {
        await Db.ReleaseAsync(ask.OrderId, ct).ConfigureAwait(false);
        return new InventoryReleased(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new InventoryReleased(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new InventoryRefused(orderId, reason, detail);
}
