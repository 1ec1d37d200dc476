using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator;

/// <summary>Tells services that hold marks of orders how these stand. It reads and changes nothing, so it may be asked again.</summary>
internal sealed class TellOutcome(OrchestratorDb db) : IConsumer<AskOutcome>
{
    public async Task Consume(ConsumeContext<AskOutcome> context)
    {
        var asked = context.Message.OrderIds;
        var outcomes = await db.Everywhere.AsNoTracking().Where(o => asked.Contains(o.CorrelationId))
            .Select(o => new CheckoutOutcome(o.CorrelationId, o.CurrentState)).ToListAsync(context.CancellationToken).ConfigureAwait(false);
        await context.Publish(new CheckoutOutcomes(outcomes)).ConfigureAwait(false);
    }
}
