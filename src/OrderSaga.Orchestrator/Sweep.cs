using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Takes the orders whose deadline has passed, at the start and every minute. Timers are on time by the scheduler; this is for the day
/// when it is not there: it reads the rows alone, no messages and no scheduler's tables, so it finds every order whatever else was lost.
/// </summary>
/// <remarks>
/// On a transport that dies with its process, the start is a deadline too: what was asked is asked again at once, under its key, and
/// whoever did it before gives the answer that he gave before.
/// </remarks>
internal sealed class Sweep(
    IServiceScopeFactory scopes,
    Deadlines deadlines,
    Hearing hearing,
    IHostApplicationLifetime host,
    SweepPulse pulse,
    TimeProvider time,
    ILogger<Sweep> log,
    bool forgetfulTransport) : BackgroundService
{
    internal static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    // What is due just now, the scheduler is about to fire.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private List<Guid> left = [];
    private bool swept;

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
            await TryAsync(orderId, () => deadlines.RestartedAsync(orderId, stoppingToken), stoppingToken).ConfigureAwait(false);

        deadlines.Count();
        await time.WhenDueAsync(Pause, hearing.Hears, async () =>
            {
                var next = await LookAsync(stoppingToken).ConfigureAwait(false);
                pulse.Beat();
                return next;
            },
            log, "Looking for orders past their deadline", stoppingToken).ConfigureAwait(false);
    }

    // What was held up by an outage is on its way when it is over: it gets a moment to arrive.
    private async Task<DateTimeOffset?> LookAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (hearing.IsDeaf)
            return null;
        if (swept && hearing.Times[^1].Until + Grace is var ripe && ripe > now)
            return ripe;
        await SweepAsync(now - (swept ? Grace : TimeSpan.Zero), ct).ConfigureAwait(false);
        swept = true;
        return null;
    }

    private async Task<List<Guid>> AwaitingAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Orders
            .Where(o => o.NotDueBefore != null && o.Phase == "awaiting").OrderBy(o => o.Due).Select(o => o.CorrelationId).ToListAsync(ct).ConfigureAwait(false);
    }

    private async Task SweepAsync(DateTimeOffset until, CancellationToken ct)
    {
        foreach (var order in await DueAsync(until, ct).ConfigureAwait(false))
            await TryAsync(order.Id, () => deadlines.TimeIsUpAsync(order.Id, order.Token, ct), ct).ConfigureAwait(false);
    }

    // All at once, an id and a number each: to come back for the next ones would be to look at all of them again.
    private async Task<List<Overdue>> DueAsync(DateTimeOffset until, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Orders.Where(o => o.NotDueBefore <= until && o.Due <= until)
            .OrderBy(o => o.Due).Select(o => new Overdue(o.CorrelationId, o.Token)).ToListAsync(ct).ConfigureAwait(false);
    }

    private async Task TryAsync(Guid orderId, Func<Task> act, CancellationToken ct)
    {
        try
        {
            await act().ConfigureAwait(false);
        }
        catch (Exception e) when (!Outage.Is(e) && !ct.IsCancellationRequested)
        {
            log.LogWarning(e, "Order {OrderId} could not be moved; it is tried again every {Pause}", orderId, Pause);
        }
    }

    private readonly record struct Overdue(Guid Id, int Token);
}
