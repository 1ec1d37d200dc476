using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator;

/// <summary>
/// The whole saga. Pending -> OrderCreated -> InventoryReserved -> PriceFrozen -> PaymentCharged -> ShipmentCreated -> Complete;
/// a refusal: Compensating, the same list backwards, -> Compensated.
/// </summary>
public sealed class OrderStateMachine : CompensatingStateMachine<OrderState>
{
    public OrderStateMachine(TimeProvider time) : base(time)
    {
        Do(o => new CreateOrder(o.OrderId, o.Customer, o.Currency, o.Lines))
            .Reaches<OrderCreated>().OrRefused<OrderRefused>()
            .UndoneBy(o => new CancelOrder(o.OrderId)).Confirmed<OrderCancelled>();

        Do(o => new ReserveInventory(o.OrderId, o.Stock))
            .Reaches<InventoryReserved>().OrRefused<InventoryRefused>()
            .UndoneBy(o => new ReleaseInventory(o.OrderId)).Confirmed<InventoryReleased>();

        Do(o => new FreezePrice(o.OrderId, o.Currency, o.Lines))
            .Reaches<PriceFrozen>((o, m) => o.Total = m.Total).OrRefused<PriceRefused>()
            .UndoneBy(o => new ReleasePrice(o.OrderId)).Confirmed<PriceReleased>();

        Do(o => new ChargePayment(o.OrderId, o.Total!.Value, o.Currency, o.Submitted.Payment.Token))
            .Reaches<PaymentCharged>().OrRefused<PaymentRefused>()
            .UndoneBy(o => new RefundPayment(o.OrderId)).Confirmed<PaymentRefunded>();

        Do(o => new CreateShipment(o.OrderId, o.Submitted.ShippingAddress, o.Stock))
            .Reaches<ShipmentCreated>().OrRefused<ShipmentRefused>()
            .UndoneBy(o => new CancelShipment(o.OrderId)).Confirmed<ShipmentCancelled>();

        // A mail cannot be unsent: nothing after this point turns the order back.
        Do(o => new SendConfirmation(o.OrderId, o.Customer, o.Total!.Value, o.Currency))
            .Reaches<ConfirmationSent>().OrRefused<ConfirmationRefused>()
            .PastReturn();

        Apologise(o => new SendApology(o.OrderId, o.Customer, o.Reason!)).Answered<ApologySent>();
        Ends(completed: o => new CheckoutCompleted(o.OrderId, o.Total!.Value, o.Currency),
            compensated: o => new CheckoutCompensated(o.OrderId, o.Reason!));

        Fold<SubmitOrder>((o, m) => o.Accept(m));
    }
}
