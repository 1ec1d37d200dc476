using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;
using Quartz;
using Quartz.Extensibility;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>
/// Brings timers from their rows to Quartz shortly before they are due, and acts when it fires them. Every node looks at the rows; the
/// first that sees a timer hands it over, and Quartz fires it on one of them. Whatever is lost on the way, in memory or in the
/// scheduler's tables, the row still says it, and the next look finds it.
/// </summary>
internal sealed class TimeoutService<TDb, TSaga>(
    IServiceScopeFactory scopes,
    DatabaseOf<TDb> database,
    TimerRows<TDb, TSaga> rows,
    DueSoon<TSaga> soon,
    IActOnTimeout<TSaga> timeouts,
    IHostApplicationLifetime host,
    TimeProvider time,
    ILoggerFactory logs) : BackgroundService, IJobFactory
    where TDb : DbContext
    where TSaga : class, IRowTimer
{
    private readonly ILogger log = logs.CreateLogger<TimeoutService<TDb, TSaga>>();

    ValueTask<JobScope> IJobFactory.CreateJob(TriggerFiredBundle bundle, IScheduler scheduler, CancellationToken cancellationToken) => new(new JobScope(new TimeUpJob(ActAsync)));

    ValueTask IJobFactory.ReturnJob(JobScope scope, CancellationToken cancellationToken) => default;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        var quartz = await StartQuartzAsync(stoppingToken).ConfigureAwait(false);
        try
        {
            await Task.WhenAll(LookAsync(quartz, stoppingToken), HandOverSoonAsync(quartz, stoppingToken)).ConfigureAwait(false);
        }
        finally
        {
            await StopQuartzAsync(quartz).ConfigureAwait(false);
        }
    }

    private async Task<ClusteredScheduler> StartQuartzAsync(CancellationToken ct)
    {
        for (var told = false; ; told = true)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                var schema = scope.ServiceProvider.GetRequiredService<TDb>().Model.GetDefaultSchema()!;
                return await ClusteredScheduler.StartAsync(database.Value, schema, this, time, logs, ct).ConfigureAwait(false);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                if (!told)
                    log.LogWarning(e, "Quartz does not start; until it does, timers act late, by the sweep. It is tried again every {Pause}", TimeoutPace.Restart);
                await Task.Delay(TimeoutPace.Restart, time, ct).ConfigureAwait(false);
            }
        }
    }

    private async Task StopQuartzAsync(ClusteredScheduler quartz)
    {
        try
        {
            await quartz.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            log.LogInformation(e, "Quartz did not stop in order; nothing is lost, for the timers stand in their rows");
        }
    }

    private async Task LookAsync(ClusteredScheduler quartz, CancellationToken ct)
    {
        // The first look takes all that is overdue, and does not trust what the last process may have left with Quartz; a later one
        // reaches back to the one before it, though an outage or a jump of the clock may lie between them.
        var looked = DateTimeOffset.MinValue;
        await time.EveryAsync(TimeoutPace.Look, LookAsync, log, "Looking for timers that are due soon", ct).ConfigureAwait(false);

        async Task LookAsync(bool first)
        {
            var now = time.GetUtcNow();
            var after = first ? looked : (looked < now ? looked : now) - TimeoutPace.Retry;
            await quartz.HandOverAsync(await rows.BetweenAsync(after, now + TimeoutPace.Horizon, ct).ConfigureAwait(false), anew: first, ct).ConfigureAwait(false);
            looked = now;
        }
    }

    // No pause: what is set meanwhile gathers by itself.
    private async Task HandOverSoonAsync(ClusteredScheduler quartz, CancellationToken ct)
    {
        while (true)
        {
            var sagas = await soon.NextAsync(TimeoutPace.Batch, ct).ConfigureAwait(false);
            try
            {
                await quartz.HandOverAsync(await rows.OfAsync(sagas, time.GetUtcNow() + TimeoutPace.Horizon, ct).ConfigureAwait(false), anew: false, ct).ConfigureAwait(false);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                log.LogDebug(e, "{Count} timers that are due soon are left to the next look at the rows", sagas.Count);
            }
        }
    }

    private async Task ActAsync(TimerRow timer, CancellationToken ct)
    {
        try
        {
            if (await rows.IsUpAsync(timer.SagaId, timer.Token, time.GetUtcNow(), ct).ConfigureAwait(false))
                await timeouts.ActAsync(timer.SagaId, timer.Token, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            log.LogWarning(e, "The time of {Saga} {SagaId} is up, but nothing could be done; it is tried again", typeof(TSaga).Name, timer.SagaId);
        }
    }
}
