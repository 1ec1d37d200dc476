using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Outbox;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Acts when an order's deadline has passed. It reads the rows alone, no messages and no scheduler's tables, so it finds every order
/// whatever else was lost; the row's version keeps it from one that somebody else has just moved.
/// </summary>
/// <remarks>
/// On a transport that dies with its process, the start is a deadline too: what was asked is asked again at once, under its key, and
/// whoever did it before gives the answer that he gave before.
/// </remarks>
internal sealed class Sweep(
    IServiceScopeFactory scopes,
    Outbox<OrchestratorDb> outbox,
    OrderStateMachine machine,
    IHostApplicationLifetime host,
    TimeProvider time,
    ILogger<Sweep> log,
    bool forgetfulTransport) : BackgroundService
{
    private const int BatchSize = 100;
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private List<Guid> left = [];

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anything new is accepted: these are the orders that the last process left behind.
        if (forgetfulTransport)
            left = await AwaitingAsync(cancellationToken).ConfigureAwait(false);
        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        if (left.Count > 0)
            log.LogInformation("Going on with {Count} orders that were under way when the last process ended", left.Count);
        foreach (var orderId in left)
            await ActAsync(orderId, _ => new Happening.Restarted(), "restarted", stoppingToken).ConfigureAwait(false);

        await time.EveryAsync(Tick, _ => ActOnDueAsync(stoppingToken), log, "Looking for orders past their deadline", stoppingToken).ConfigureAwait(false);
    }

    private async Task<List<Guid>> AwaitingAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Orders
            .Where(o => o.Asked != null && o.Phase == "awaiting").OrderBy(o => o.Due).Select(o => o.CorrelationId).ToListAsync(ct).ConfigureAwait(false);
    }

    private async Task ActOnDueAsync(CancellationToken ct)
    {
        while (true)
        {
            var now = time.GetUtcNow();
            await using var scope = scopes.CreateAsyncScope();
            var due = await scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Orders
                .Where(o => o.Asked != null && o.Due <= now).OrderBy(o => o.Due).Take(BatchSize)
                .Select(o => o.CorrelationId).ToListAsync(ct).ConfigureAwait(false);
            foreach (var orderId in due)
                await ActAsync(orderId, saga => new Happening.TimeUp(saga.Token), "time is up", ct).ConfigureAwait(false);
            if (due.Count < BatchSize)
                return;
        }
    }

    private Task<bool> ActAsync(Guid orderId, Func<OrderState, Happening> happening, string why, CancellationToken ct) => outbox.RunAsync(async (db, session) =>
    {
        var saga = await db.Orders.SingleAsync(o => o.CorrelationId == orderId, ct).ConfigureAwait(false);
        var state = saga.CurrentState;
        var decision = await machine.ApplyAsync(saga, happening(saga), session.Publisher, session, ct).ConfigureAwait(false);
        if (decision.Says == Said.Ignored)
        {
            // Somebody else moved it meanwhile; nothing to commit.
            session.Entry = null;
            return false;
        }

        session.Entry!.MessageId = MessageId.Derive(orderId, $"sweep:{saga.Version}");
        log.LogInformation("Order {OrderId} in state {State}, {Why}: {Says}, asking {Asked} (attempt {Attempt})", orderId, state, why, decision.Says, saga.Asked, saga.Attempt);
        return true;
    }, ct);
}
