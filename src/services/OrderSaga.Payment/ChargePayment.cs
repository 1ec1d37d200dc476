using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Takes the money for an order once, through the gateway, and gives back exactly what was taken. The token only passes through.</summary>
internal sealed class ChargePaymentStep(PaymentDb db, GatewayClient gateway) : OutsideStep<PaymentDb, ChargePayment, PaymentCharged, RefundPayment>(db)
{
    private const int LongestReason = 40;
    private const decimal HighestAmount = 1_000_000_000_000m;

    protected override object BusinessOf(ChargePayment ask) => new { ask.Amount, ask.Currency, ask.PaymentToken };

    protected override async Task<StepAnswer> DoOutsideAsync(ChargePayment ask, string key, CancellationToken ct) => WhyNot(ask) is { } no
        ? Refused(Refusal(ask.OrderId, no.Reason, no.Detail))
        : Answer(ask.OrderId, await gateway.ChargeAsync(ask.OrderId, ask.Amount, ask.Currency, ask.PaymentToken, key, FaultsOutside, ct).ConfigureAwait(false));

    protected override async Task<StepAnswer?> FindOutsideAsync(Guid orderId, string key, CancellationToken ct) =>
        await gateway.FindAsync(key, ct).ConfigureAwait(false) is { } charge ? Answer(orderId, charge) : null;

    protected override async Task<object> UndoOutsideAsync(PaymentCharged done, string key, CancellationToken ct)
    {
        await gateway.RefundAsync(done.ChargeId, done.Amount, done.Currency, key, FaultsOutside, ct).ConfigureAwait(false);
        return new PaymentRefunded(done.OrderId, ChargeId: done.ChargeId);
    }

    protected override Task KeepAsync(PaymentCharged done, CancellationToken ct)
    {
        Db.Add(new Charge { OrderId = done.OrderId, Amount = done.Amount, Currency = done.Currency, Status = ChargeStatus.Charged, ChargeId = done.ChargeId });
        return Task.CompletedTask;
    }

    protected override Task KeepUndoneAsync(PaymentCharged done, CancellationToken ct) =>
        Db.Charges.Where(c => c.OrderId == done.OrderId && c.ChargeId == done.ChargeId)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Status, ChargeStatus.Refunded), ct);

    protected override object NothingToUndo(Guid orderId) => new PaymentRefunded(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new PaymentRefused(orderId, reason, detail);

    // What no gateway has to be asked about.
    private static (string Reason, string Detail)? WhyNot(ChargePayment ask) => ask switch
    {
        { Amount: < 0 or > HighestAmount } => ("INVALID_AMOUNT", $"{ask.Amount} {ask.Currency} cannot be charged."),
        _ when decimal.Round(ask.Amount, 2) != ask.Amount => ("INVALID_AMOUNT", $"{ask.Amount} {ask.Currency} has parts of a cent."),
        _ when ask.Currency is not { Length: 3 } || !ask.Currency.All(char.IsAsciiLetterUpper) => ("INVALID_CURRENCY", "A currency is named by three capital letters."),
        _ => null,
    };

    // Money that somebody gave back meanwhile was taken all the same: the refund that undoes this is the gateway's to refuse.
    private StepAnswer Answer(Guid orderId, GatewayCharge charge) => charge.Status switch
    {
        "declined" => Refused(Refusal(orderId, ReasonOf(charge.DeclineCode), "The payment was declined.")),
        "charged" or "refunded" or "partly refunded" => Done(new PaymentCharged(orderId, charge.ChargeId, charge.Amount, charge.Currency)),
        _ => throw new GatewayFailedException($"The payment gateway says of a charge that it is '{charge.Status}', which says neither yes nor no."),
    };

    // As a reason code of ours, whatever a gateway says.
    private static string ReasonOf(string? code) =>
        code is { Length: > 0 and <= LongestReason } && code.All(c => char.IsAsciiLetter(c) || c == '_') ? code.ToUpperInvariant() : "CARD_DECLINED";
}
