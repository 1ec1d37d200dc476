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

    /// <summary>Clears those who may be cleared, one after the other, as if each had come alone.</summary>
    protected override async Task PrepareAsync(IReadOnlyList<CheckFraud> asks, CancellationToken ct)
    {
        // Whether two names that differ in case are one customer's is for the database to say: beside others, only one of them is checked here.
        var names = asks.Select(a => a.Customer.Id).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal).ToList();
        var (now, customers) = (time.GetUtcNow(), Db.FraudChecks.Where(c => names.Contains(c.CustomerId)));
        var since = now - Window;
        // Checks of one customer pass one by one, or two at once would each leave the other out. They wait for his first check, which
        // this locks and leaves as it is; two that would both be the first, or the next, meet at the unique number.
        await customers.Where(c => c.Number == 1).ExecuteUpdateAsync(set => set.SetProperty(c => c.Number, 1), ct).ConfigureAwait(false);
        var known = await customers.GroupBy(c => new { c.CustomerId, c.Currency })
            .Select(g => new { g.Key.CustomerId, g.Key.Currency, Last = g.Max(c => c.Number), Spent = g.Sum(c => c.Status == FraudCheckStatus.Cleared && c.At > since ? c.Amount : 0) })
            .ToListAsync(ct).ConfigureAwait(false);
        foreach (var name in names)
        {
            // Of one alone, all that the database found is his, whatever it takes for the same name.
            var his = names is [_] ? known : known.FindAll(k => k.CustomerId.Equals(name, StringComparison.OrdinalIgnoreCase));
            var last = his.Select(k => k.Last).DefaultIfEmpty().Max();
            var spent = his.ToDictionary(k => k.Currency, k => k.Spent);
            foreach (var ask in asks.Where(a => a.Customer.Id == name))
            {
                var sum = spent.GetValueOrDefault(ask.Currency) + ask.Amount;
                if (sum > Limit)
                    continue;
                spent[ask.Currency] = sum;
                Db.Add(new FraudCheck
                {
                    OrderId = ask.OrderId,
                    CustomerId = name,
                    Number = ++last,
                    Amount = ask.Amount,
                    Currency = ask.Currency,
                    Status = FraudCheckStatus.Cleared,
                    At = now,
                });
            }
        }
    }

    // Who was not cleared beside others is looked at alone.
    protected override Task<StepAnswer> DoAsync(CheckFraud ask, CancellationToken ct) => Task.FromResult(
        Db.FraudChecks.Local.FindEntry(ask.OrderId) is not null ? Done(new FraudChecked(ask.OrderId))
        : Refused(Refusal(ask.OrderId, "SPENDING_LIMIT", $"With this order it would be more than {Limit:0} {ask.Currency} in {Window.TotalHours:0} hours.")));

    protected override async Task<object> UndoAsync(WithdrawFraudCheck ask, CancellationToken ct)
    {
        await Db.FraudChecks.Where(c => c.OrderId == ask.OrderId)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Status, FraudCheckStatus.Withdrawn), ct).ConfigureAwait(false);
        return new FraudCheckWithdrawn(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new FraudCheckWithdrawn(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new FraudSuspected(orderId, reason, detail);
}
