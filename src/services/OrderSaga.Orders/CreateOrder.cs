using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Keeps an order, and cancels it; a cancelled order stays readable.</summary>
internal sealed class CreateOrderStep(OrdersDb db, TimeProvider time) : Step<OrdersDb, CreateOrder, CancelOrder>(db)
{
    protected override object BusinessOf(CreateOrder ask) => new { ask.Customer.Id, ask.Currency, Lines = ask.Lines.Select(l => new { l.ProductId, l.Quantity, l.UnitPrice }) };

    protected override Task<StepAnswer> DoAsync(CreateOrder ask, CancellationToken ct)
    {
        if (WhyNot(ask) is { } detail)
            return Task.FromResult(RefusedAtOnce(Refusal(ask.OrderId, "INVALID_ORDER", detail)));
        Db.Add(new Order
        {
            OrderId = ask.OrderId,
            Status = OrderStatus.Pending,
            CustomerId = ask.Customer.Id,
            Currency = ask.Currency,
            At = time.GetUtcNow(),
        });
        return Task.FromResult(Done(new OrderCreated(ask.OrderId)));
    }

    protected override async Task<object> UndoAsync(CancelOrder ask, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await Db.Orders.Where(o => o.OrderId == ask.OrderId)
            .ExecuteUpdateAsync(set => set.SetProperty(o => o.Status, OrderStatus.Cancelled).SetProperty(o => o.At, now), ct).ConfigureAwait(false);
        return new OrderCancelled(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new OrderCancelled(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new OrderRefused(orderId, reason, detail);

    private static string? WhyNot(CreateOrder ask) => ask switch
    {
        { Customer.Id: "" or { Length: > Order.LongestCustomerId } } => $"A customer's id has 1 to {Order.LongestCustomerId} characters.",
        { Currency.Length: not 3 } => "A currency is named by three letters.",
        { Lines.Count: 0 } => "Nothing is ordered.",
        _ when ask.Lines.Any(l => l.Quantity < 1) => "At least one of each product has to be ordered.",
        _ => null,
    };
}
