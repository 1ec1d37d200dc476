using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_orders_takes_part(Shop shop)
    : ParticipantKit<CreateOrder, OrderCreated, OrderRefused, CancelOrder, OrderCancelled>(
        shop, "orders",
        ask: id => new(id, new("c-1", "a@example.org"), "EUR", [new("sku-apple", 2)]),
        refused: id => new(id, new("c-1", "a@example.org"), "EUR", []),
        undo: id => new(id));

public sealed class When_inventory_takes_part(Shop shop)
    : ParticipantKit<ReserveInventory, InventoryReserved, InventoryRefused, ReleaseInventory, InventoryReleased>(
        shop, "inventory",
        ask: id => new(id, [new("sku-apple", 2)]),
        refused: id => new(id, [new("sku-apple", 2), new("sku-none", 1), new("sku-pear", 1)]),
        undo: id => new(id));

public sealed class When_pricing_takes_part(Shop shop)
    : ParticipantKit<FreezePrice, PriceFrozen, PriceRefused, ReleasePrice, PriceReleased>(
        shop, "pricing",
        ask: id => new(id, "EUR", [new("sku-apple", 2, 3.99m)]),
        refused: id => new(id, "EUR", [new("sku-apple", 2), new("sku-pear", 1, 1.99m)]),
        undo: id => new(id));

public sealed class When_payment_takes_part(Shop shop)
    : ParticipantKit<ChargePayment, PaymentCharged, PaymentRefused, RefundPayment, PaymentRefunded>(
        shop, "payment",
        ask: id => new(id, 7.98m, "EUR", "tok_visa"),
        refused: id => new(id, 7.98m, "EUR", "tok_declined"),
        undo: id => new(id));

public sealed class When_shipping_takes_part(Shop shop)
    : ParticipantKit<CreateShipment, ShipmentCreated, ShipmentRefused, CancelShipment, ShipmentCancelled>(
        shop, "shipping",
        ask: id => new(id, new("A", "B 1", "C", "1", "DE"), [new("sku-apple", 2)]),
        refused: id => new(id, new("A", "B 1", "C", "1", "Germany"), [new("sku-apple", 2)]),
        undo: id => new(id));

public sealed class When_gift_wrap_takes_part(Shop shop)
    : ParticipantKit<WrapGift, GiftWrapped, GiftWrapRefused, UnwrapGift, GiftUnwrapped>(
        shop, "shipping",
        ask: id => new(id, [new("sku-apple", 2)]),
        refused: id => new(id, []),
        undo: id => new(id));

public sealed class When_fraud_check_takes_part(Shop shop)
    : ParticipantKit<CheckFraud, FraudChecked, FraudSuspected, WithdrawFraudCheck, FraudCheckWithdrawn>(
        shop, "payment",
        ask: id => new(id, new($"c-{id}", "a@example.org"), new("A", "B 1", "C", "1", "DE"), 7.98m, "EUR", "tok_visa"),
        refused: id => new(id, new($"c-{id}", "a@example.org"), new("A", "B 1", "C", "1", "DE"), 10_000.01m, "EUR", "tok_visa"),
        undo: id => new(id));

public sealed class When_notification_confirms(Shop shop)
    : RefusingKit<SendConfirmation, ConfirmationSent, ConfirmationRefused>(
        shop, "notification",
        ask: id => new(id, new("c-1", "a@example.org"), 7.98m, "EUR"),
        refused: id => new(id, new("c-1", "nowhere"), 7.98m, "EUR"));

public sealed class When_notification_apologises(Shop shop)
    : DoKit<SendApology, ApologySent>(
        shop, "notification",
        ask: id => new(id, new("c-1", "a@example.org"), "OUT_OF_STOCK"));
