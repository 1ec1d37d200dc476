using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Clears an order unless its customer spends more within a day than anybody should, and forgets the order again.</summary>
internal sealed class CheckFraudStep(PaymentDb db, TimeProvider time) : Step<PaymentDb, CheckFraud, WithdrawFraudCheck>(db)
{
    private const decimal Limit = 10_000;
    private static readonly TimeSpan Window = TimeSpan.FromHours(24);

    protected override object BusinessOf(CheckFraud ask) => new { ask.Customer.Id, ask.Amount, ask.Currency };

    protected override async Task<StepAnswer> DoAsync(CheckFraud ask, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var since = now - Window;
        var customer = Db.FraudChecks.Where(c => c.CustomerId == ask.Customer.Id);
        // Checks of one customer pass one by one, or two at once would each leave the other out. They wait for his first check, which
        // this locks and leaves as it is; two that would both be the first, or the next, meet at the unique number.
        await customer.Where(c => c.Number == 1).ExecuteUpdateAsync(set => set.SetProperty(c => c.Number, 1), ct).ConfigureAwait(false);
        var last = await customer.MaxAsync(c => (int?)c.Number, ct).ConfigureAwait(false) ?? 0;
        var spent = await customer.Where(c => c.Currency == ask.Currency && c.Status == FraudCheckStatus.Cleared && c.At > since)
            .SumAsync(c => c.Amount, ct).ConfigureAwait(false);
        if (spent + ask.Amount > Limit)
            return Refused(Refusal(ask.OrderId, "SPENDING_LIMIT", $"With this order it would be more than {Limit:0} {ask.Currency} in {Window.TotalHours:0} hours."));

        Db.Add(new FraudCheck
        {
            OrderId = ask.OrderId,
            CustomerId = ask.Customer.Id,
            Number = last + 1,
            Amount = ask.Amount,
            Currency = ask.Currency,
            Status = FraudCheckStatus.Cleared,
            At = now,
        });
        return Done(new FraudChecked(ask.OrderId));
    }

    protected override async Task<object> UndoAsync(WithdrawFraudCheck ask, CancellationToken ct)
    {
        await Db.FraudChecks.Where(c => c.OrderId == ask.OrderId)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Status, FraudCheckStatus.Withdrawn), ct).ConfigureAwait(false);
        return new FraudCheckWithdrawn(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new FraudCheckWithdrawn(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new FraudSuspected(orderId, reason, detail);
}
