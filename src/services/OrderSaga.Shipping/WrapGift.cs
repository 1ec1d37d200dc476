using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Wraps the parcel of an order, and unwraps it.</summary>
internal sealed class WrapGiftStep(ShippingDb db) : Step<ShippingDb, WrapGift, UnwrapGift>(db)
{
    protected override object BusinessOf(WrapGift ask) => ask.Lines.Select(l => new { l.ProductId, l.Quantity });

    protected override Task<StepAnswer> DoAsync(WrapGift ask, CancellationToken ct)
    {
        if (ask.Lines is [])
            return Task.FromResult(RefusedAtOnce(Refusal(ask.OrderId, "NOTHING_TO_WRAP", "There is nothing in the parcel.")));
        Db.Add(new GiftWrap { OrderId = ask.OrderId, Status = GiftWrapStatus.Wrapped });
        return Task.FromResult(Done(new GiftWrapped(ask.OrderId)));
    }

    protected override async Task<object> UndoAsync(UnwrapGift ask, CancellationToken ct)
    {
        await Db.GiftWraps.Where(w => w.OrderId == ask.OrderId)
            .ExecuteUpdateAsync(set => set.SetProperty(w => w.Status, GiftWrapStatus.Unwrapped), ct).ConfigureAwait(false);
        return new GiftUnwrapped(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new GiftUnwrapped(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new GiftWrapRefused(orderId, reason, detail);
}
