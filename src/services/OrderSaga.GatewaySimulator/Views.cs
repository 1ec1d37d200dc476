namespace OrderSaga.Services;

// What is asked and answered over HTTP, as JSON.

internal sealed record ChargeAsk(Guid? OrderId, decimal? Amount, string? Currency, string? Token);

internal sealed record RefundAsk(decimal? Amount, string? Currency);

internal sealed record ChargeView(
    string ChargeId, Guid OrderId, string Key, decimal Amount, string Currency, string Status, string? DeclineCode, decimal Refunded, DateTimeOffset CreatedAt, IReadOnlyList<RefundView> Refunds)
{
    public static ChargeView Of(LedgerCharge charge, IReadOnlyList<LedgerRefund> refunds) => new(
        charge.Id, charge.OrderId, charge.Key, charge.Amount, charge.Currency, StatusOf(charge, refunds), charge.DeclineCode, charge.Refunded, charge.At,
        [.. refunds.Select(r => RefundView.Of(r, charge.Currency))]);

    private static string StatusOf(LedgerCharge charge, IReadOnlyList<LedgerRefund> refunds) =>
        refunds.Count == 0 ? charge.Status : charge.Refunded == charge.Amount ? "refunded" : "partly refunded";
}

internal sealed record RefundView(string RefundId, string ChargeId, string Key, decimal Amount, string Currency, DateTimeOffset CreatedAt)
{
    public static RefundView Of(LedgerRefund refund, string currency) => new(refund.Id, refund.ChargeId, refund.Key, refund.Amount, currency, refund.At);
}
