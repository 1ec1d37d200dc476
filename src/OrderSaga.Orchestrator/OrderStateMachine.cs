using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator;

/// <summary>
/// The whole saga: the steps in their order, each with what it reaches and how it is undone. Any refusal, silence, fault or cancellation
/// turns to Compensating, the same list backwards, then Compensated; an undo that never succeeds ends in Failed.
/// </summary>
public sealed class OrderStateMachine : CompensatingStateMachine<OrderState>
{
    public OrderStateMachine(IOptionsMonitor<CheckoutOptions> options, TimeProvider time, ILogger<OrderStateMachine> log) : base(options, time, log)
    {
        Do(o => new CreateOrder(o.OrderId, o.Customer, o.Currency, o.Lines))
            .Reaches<OrderCreated>().OrRefused<OrderRefused>()
            .UndoneBy(o => new CancelOrder(o.OrderId)).Confirmed<OrderCancelled>();

        Do(o => new ReserveInventory(o.OrderId, o.Stock))
            .Reaches<InventoryReserved>().OrRefused<InventoryRefused>()
            .UndoneBy(o => new ReleaseInventory(o.OrderId)).Confirmed<InventoryReleased>();

        Do(o => new FreezePrice(o.OrderId, o.Currency, o.Lines)).If((_, on) => on("FreezePrice", true))
            .Reaches<PriceFrozen>((o, m) => o.Total = m.Total).OrRefused<PriceRefused>()
            .UndoneBy(o => new ReleasePrice(o.OrderId)).Confirmed<PriceReleased>();

        Do(o => new WrapGift(o.OrderId, o.Stock)).If((o, on) => o.Submitted.GiftWrap && on("WrapGift", true))
            .Reaches<GiftWrapped>().OrRefused<GiftWrapRefused>()
            .UndoneBy(o => new UnwrapGift(o.OrderId)).Confirmed<GiftUnwrapped>();

        Do(o => new CheckFraud(o.OrderId, o.Customer, o.Address, o.Amount, o.Currency, o.PaymentToken)).If((_, on) => on("CheckFraud", false))
            .Reaches<FraudChecked>().OrRefused<FraudSuspected>()
            .UndoneBy(o => new WithdrawFraudCheck(o.OrderId)).Confirmed<FraudCheckWithdrawn>();

        Do(o => new ChargePayment(o.OrderId, o.Amount, o.Currency, o.PaymentToken))
            .Reaches<PaymentCharged>().OrRefused<PaymentRefused>()
            .UndoneBy(o => new RefundPayment(o.OrderId)).Confirmed<PaymentRefunded>();

        Do(o => new CreateShipment(o.OrderId, o.Address, o.Stock)).If((_, on) => on("CreateShipment", true))
            .Reaches<ShipmentCreated>().OrRefused<ShipmentRefused>()
            .UndoneBy(o => new CancelShipment(o.OrderId)).Confirmed<ShipmentCancelled>().OrTooLate<ShipmentNotCancelled>();

        Do(o => new SendConfirmation(o.OrderId, o.Customer, o.Amount, o.Currency)) // mail cannot be unsent: nothing turns back from here
            .Reaches<ConfirmationSent>().OrRefused<ConfirmationRefused>().PastReturn();

        Apologise(o => new SendApology(o.OrderId, o.Customer, o.Reason!)).Answered<ApologySent>();
        Ends(completed: o => new CheckoutCompleted(o.OrderId, o.Amount, o.Currency), compensated: o => new CheckoutCompensated(o.OrderId, o.Reason!),
            failed: (o, left) => new CheckoutFailed(o.OrderId, o.Reason!, left), repaired: (o, actor) => new CheckoutRepaired(o.OrderId, actor));
        Alerts((o, alert, at) => new CheckoutNeedsAttention(o.OrderId, o.CurrentState, alert, at));
        Fold<SubmitOrder>((o, m, on) => o.Accept(m, QuotesCount(on)));
    }

    /// <summary>Where no price is frozen, what the customer was quoted is charged.</summary>
    internal static bool QuotesCount(StepSwitch on) => !on("FreezePrice", true);
}
