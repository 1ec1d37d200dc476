using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Outbox;

namespace OrderSaga.Orchestrator;

/// <summary>
/// The in-memory transport dies with its process, and with it every message under way. What an order waits for is in its row, so at the
/// start it is asked again, under its key: whoever did it before gives the answer that he gave before.
/// </summary>
internal sealed class Recovery(
    IServiceScopeFactory scopes,
    Outbox<OrchestratorDb> outbox,
    OrderStateMachine machine,
    IHostApplicationLifetime host,
    ILogger<Recovery> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        List<Guid> underWay;
        await using (var scope = scopes.CreateAsyncScope())
            underWay = await scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Orders
                .Where(o => o.Status == "Processing").OrderBy(o => o.UpdatedAt).Select(o => o.CorrelationId).ToListAsync(stoppingToken).ConfigureAwait(false);
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        if (underWay.Count > 0)
            log.LogInformation("Going on with {Count} orders that were under way when the last process ended", underWay.Count);
        foreach (var orderId in underWay)
            await AskAgainAsync(orderId, stoppingToken).ConfigureAwait(false);
    }

    private Task<bool> AskAgainAsync(Guid orderId, CancellationToken ct) => outbox.RunAsync(async (db, session) =>
    {
        var saga = await db.Orders.SingleAsync(o => o.CorrelationId == orderId, ct).ConfigureAwait(false);
        if (saga.Asked is null)
            return false;
        session.Entry = await machine.ApplyAsync(saga, new Happening.Restarted(), session.Publisher, ct).ConfigureAwait(false);
        session.Entry.MessageId = MessageId.Derive(orderId, $"restarted:{saga.Version}");
        log.LogInformation("Order {OrderId} in state {State}: asking {Asked} again, attempt {Attempt}", orderId, saga.CurrentState, saga.Asked, saga.Attempt);
        return true;
    }, ct);
}
