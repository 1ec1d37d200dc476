using MassTransit;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Sagas;

namespace OrderSaga.Orchestrator;

/// <summary>
/// A command is a function of the order's row, so it is never stored: while its answer is awaited it can be said again, and once it has
/// been answered, or given up, nobody needs it. So is the word that an order is complete, for nothing changes it any more.
/// </summary>
internal sealed class RepeatAsked(OrderStateMachine machine) : IRepeat<OrchestratorDb>
{
    public async Task RepeatAsync(OrchestratorDb db, HandledMessage handled, IPublishEndpoint publisher, CancellationToken ct)
    {
        if (handled is not SagaLogEntry entry || (entry.Asks is null && !entry.IsToldByItsRow))
            return;
        if (await db.FindAsync(entry.OrderId, ct).ConfigureAwait(false) is not { } saga)
            return;
        if (entry.Asks is { } asks && saga.Asked == asks)
            await machine.RepeatAsync(saga, publisher, ct).ConfigureAwait(false);
        if (entry.IsToldByItsRow && saga.CurrentState == StateNames.Complete)
            await machine.RetellAsync(saga, publisher, ct).ConfigureAwait(false);
    }
}
