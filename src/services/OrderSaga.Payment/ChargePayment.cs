using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Takes the money for an order once, and gives back exactly what was taken.</summary>
internal sealed class ChargePaymentStep(PaymentDb db) : Step<PaymentDb, ChargePayment, RefundPayment>(db)
{
    protected override object BusinessOf(ChargePayment ask) => new { ask.Amount, ask.Currency, ask.PaymentToken };

    protected override Task<StepAnswer> DoAsync(ChargePayment ask, CancellationToken ct) => Task.FromResult(WhyNot(ask) is { } no
        ? Refused(Refusal(ask.OrderId, no.Reason, no.Detail))
        : Done(Charge(ask)));

    protected override async Task<object> UndoAsync(RefundPayment ask, CancellationToken ct)
    {
        var chargeId = ChargeIdOf(ask.OrderId);
        await Db.Charges.Where(c => c.OrderId == ask.OrderId && c.ChargeId == chargeId)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Status, ChargeStatus.Refunded), ct).ConfigureAwait(false);
        return new PaymentRefunded(ask.OrderId, ChargeId: chargeId);
    }

    protected override object NothingToUndo(Guid orderId) => new PaymentRefunded(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new PaymentRefused(orderId, reason, detail);

    /// <summary>The same on every delivery, so that a repeated charge can only be the same charge.</summary>
    private static string ChargeIdOf(Guid orderId) => $"ch_{MessageId.Derive(orderId, SagaHeaders.KeyOf(orderId, Name)):N}";

    // What the tokens mean is decided here until a payment gateway decides it.
    private static (string Reason, string Detail)? WhyNot(ChargePayment ask) => ask switch
    {
        { Amount: < 0 } => ("INVALID_AMOUNT", $"{ask.Amount} {ask.Currency} cannot be charged."),
        _ when decimal.Round(ask.Amount, 2) != ask.Amount => ("INVALID_AMOUNT", $"{ask.Amount} {ask.Currency} has parts of a cent."),
        { Currency.Length: not 3 } => ("INVALID_CURRENCY", "A currency is named by three letters."),
        { PaymentToken: "tok_visa" } => null,
        { PaymentToken: "tok_declined" } => ("CARD_DECLINED", "The card was declined."),
        _ => ("UNKNOWN_TOKEN", "The payment token is not known."),
    };

    private PaymentCharged Charge(ChargePayment ask)
    {
        var charge = new Charge
        {
            OrderId = ask.OrderId,
            Amount = ask.Amount,
            Currency = ask.Currency,
            Status = ChargeStatus.Charged,
            ChargeId = ChargeIdOf(ask.OrderId),
        };
        Db.Add(charge);
        return new PaymentCharged(ask.OrderId, charge.ChargeId, charge.Amount, charge.Currency);
    }
}
