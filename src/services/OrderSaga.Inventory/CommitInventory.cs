using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>The checkout ended well: what was held for the order leaves the house. May come twice; only what is still held counts.</summary>
internal sealed class CommitInventory(ForMany<InventoryDb> many) : IConsumer<CheckoutCompleted>, IConsumer<CheckoutOutcomes>
{
    public Task Consume(ConsumeContext<CheckoutCompleted> context) => CommitAsync(context, context.Message.OrderId);

    // What is to be released is asked for by the mirror, until it is confirmed; only the good ending has no command of its own.
    public async Task Consume(ConsumeContext<CheckoutOutcomes> context)
    {
        foreach (var outcome in context.Message.Outcomes.Where(o => o.State == "Complete"))
            await CommitAsync(context, outcome.OrderId).ConfigureAwait(false);
    }

    private Task CommitAsync(ConsumeContext context, Guid orderId) => many.DoAsync(context, orderId, static (db, orders) => db.CommitAsync(orders));
}

/// <summary>The reservations that nobody ended.</summary>
internal sealed class OpenReservations(IServiceScopeFactory scopes, IBus bus, IHostApplicationLifetime host, TimeProvider time, ILogger<OpenReservations> log)
    : OpenMarks<InventoryDb>(scopes, bus, host, time, log)
{
    protected override IQueryable<Guid> HeldSince(InventoryDb db, DateTimeOffset before) =>
        from reservation in db.Reservations
        join entry in db.Set<StepLogEntry>() on reservation.OrderId equals entry.OrderId
        where reservation.Status == ReservationStatus.Pending && entry.At < before
        select reservation.OrderId;

    protected override object Ask(IReadOnlyList<Guid> sagas) => new AskOutcome(sagas);
}
