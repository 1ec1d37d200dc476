using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator.Tests.Support;

/// <summary>What the participants of the table answer, by command: the conversations as the contracts mean them.</summary>
internal static class Participants
{
    public static readonly IReadOnlyDictionary<Type, Func<Guid, object>> Agree = new Dictionary<Type, Func<Guid, object>>
    {
        [typeof(CreateOrder)] = id => new OrderCreated(id),
        [typeof(CancelOrder)] = id => new OrderCancelled(id),
        [typeof(ReserveInventory)] = id => new InventoryReserved(id),
        [typeof(ReleaseInventory)] = id => new InventoryReleased(id),
        [typeof(FreezePrice)] = id => new PriceFrozen(id, 7.98m, "EUR"),
        [typeof(ReleasePrice)] = id => new PriceReleased(id),
        [typeof(WrapGift)] = id => new GiftWrapped(id),
        [typeof(UnwrapGift)] = id => new GiftUnwrapped(id),
        [typeof(CheckFraud)] = id => new FraudChecked(id),
        [typeof(WithdrawFraudCheck)] = id => new FraudCheckWithdrawn(id),
        [typeof(ChargePayment)] = id => new PaymentCharged(id, "ch_1", 7.98m, "EUR"),
        [typeof(RefundPayment)] = id => new PaymentRefunded(id),
        [typeof(CreateShipment)] = id => new ShipmentCreated(id, "L-1"),
        [typeof(CancelShipment)] = id => new ShipmentCancelled(id),
        [typeof(SendConfirmation)] = id => new ConfirmationSent(id),
        [typeof(SendApology)] = id => new ApologySent(id),
    };

    public static readonly IReadOnlyDictionary<string, Func<Guid, string, object>> Refuse = new Dictionary<string, Func<Guid, string, object>>
    {
        [nameof(CreateOrder)] = (id, reason) => new OrderRefused(id, reason),
        [nameof(ReserveInventory)] = (id, reason) => new InventoryRefused(id, reason),
        [nameof(FreezePrice)] = (id, reason) => new PriceRefused(id, reason),
        [nameof(WrapGift)] = (id, reason) => new GiftWrapRefused(id, reason),
        [nameof(CheckFraud)] = (id, reason) => new FraudSuspected(id, reason),
        [nameof(ChargePayment)] = (id, reason) => new PaymentRefused(id, reason),
        [nameof(CreateShipment)] = (id, reason) => new ShipmentRefused(id, reason),
        [nameof(SendConfirmation)] = (id, reason) => new ConfirmationRefused(id, reason),
    };

    public static SubmitOrder Order(Guid id) => new(
        id,
        new Customer("c-1", "a@example.org"),
        "EUR",
        [new OrderLine("sku-apple", 2, 3.99m)],
        new Address("A", "B 1", "C", "12345", "DE"),
        new PaymentMethod("tok_visa"));
}
