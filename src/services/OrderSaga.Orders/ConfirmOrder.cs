using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>The checkout ended well. One conditional update, so it may come twice, and never revives a cancelled order.</summary>
internal sealed class ConfirmOrder(OrdersDb db, ForMany<OrdersDb> many, TimeProvider time) : IConsumer<CheckoutCompleted>, IConsumer<CheckoutOutcomes>
{
    public Task Consume(ConsumeContext<CheckoutCompleted> context) => many.DoAsync(context, context.Message.OrderId, ConfirmAsync);

    // An order that is to be cancelled is told so by the mirror; only the good ending has no command of its own.
    public Task Consume(ConsumeContext<CheckoutOutcomes> context) =>
        ConfirmAsync(db, [.. context.Message.Outcomes.Where(o => o.State == "Complete").Select(o => o.OrderId)]);

    private Task ConfirmAsync(OrdersDb orders, IReadOnlyList<Guid> orderIds)
    {
        var now = time.GetUtcNow();
        return orders.Orders.Where(o => orderIds.Contains(o.OrderId) && o.Status == OrderStatus.Pending)
            .ExecuteUpdateAsync(set => set.SetProperty(o => o.Status, OrderStatus.Confirmed).SetProperty(o => o.At, now));
    }
}

/// <summary>The orders that nobody confirmed or cancelled.</summary>
internal sealed class OpenOrders(IServiceScopeFactory scopes, IBus bus, IHostApplicationLifetime host, TimeProvider time, ILogger<OpenOrders> log)
    : OpenMarks<OrdersDb>(scopes, bus, host, time, log)
{
    protected override IQueryable<Guid> HeldSince(OrdersDb db, DateTimeOffset before) =>
        db.Orders.Where(o => o.Status == OrderStatus.Pending && o.At < before).Select(o => o.OrderId);

    protected override object Ask(IReadOnlyList<Guid> sagas) => new AskOutcome(sagas);
}
