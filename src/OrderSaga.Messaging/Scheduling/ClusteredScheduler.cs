using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OrderSaga.Messaging.Databases;
using Quartz;
using Quartz.Extensibility;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>Quartz as it is used here: clustered, its tables beside the sagas', on the clock of the process.</summary>
internal sealed class ClusteredScheduler(StandaloneSchedulerFactory factory, IScheduler scheduler) : IAsyncDisposable
{
    private const string Name = "timeouts";
    private const char Mark = '#';
    private static readonly JobKey Job = new("time-up", Name);

    // One hand-over at a time, or two in one process would write the same triggers.
    private readonly SemaphoreSlim turn = new(1);

    public static async Task<ClusteredScheduler> StartAsync(Database database, string schema, IJobFactory jobs, TimeProvider time, ILoggerFactory logs, CancellationToken ct)
    {
        var factory = QuartzSchedulerBuilder.Create(quartz => Configure(quartz, database, schema, jobs, time, logs)).Build();
        try
        {
            var scheduler = await factory.GetScheduler(ct).ConfigureAwait(false);
            await scheduler.Start(ct).ConfigureAwait(false);
            return new(factory, scheduler);
        }
        catch
        {
            await factory.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Gives these timers to Quartz. One that it has is left alone, unless it is taken <paramref name="anew"/>: it may be reserved for
    /// a process that is gone.
    /// </summary>
    public async Task HandOverAsync(IReadOnlyCollection<TimerRow> timers, bool anew, CancellationToken ct)
    {
        if (timers.Count == 0)
            return;
        await turn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            foreach (var batch in timers.Chunk(TimeoutPace.Batch))
                await HandOverBatchAsync(batch, anew, ct).ConfigureAwait(false);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>What a trigger is for.</summary>
    public static TimerRow TimerOf(ITrigger trigger) => trigger.Key.Name.Split(Mark) is [var saga, var token]
        ? new(Guid.Parse(saga), int.Parse(token, CultureInfo.InvariantCulture), trigger.StartTimeUtc)
        : throw new InvalidOperationException($"The trigger {trigger.Key} is none of a timer.");

    /// <summary>Waits for what is acting, but not for ever; what was only reserved for this node is given back to the others.</summary>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeoutPace.Stop);
        await scheduler.Shutdown(waitForJobsToComplete: true, patience.Token).ConfigureAwait(false);
        await factory.DisposeAsync().ConfigureAwait(false);
        turn.Dispose();
    }

    private async Task HandOverBatchAsync(TimerRow[] batch, bool anew, CancellationToken ct)
    {
        HashSet<TimerRow> there = anew ? [] : [.. (await scheduler.GetTriggers([.. batch.Select(KeyOf)], ct).ConfigureAwait(false)).Select(TimerOf)];
        var triggers = batch.Where(timer => !there.Contains(timer)).Select(TriggerOf).ToList();
        if (triggers.Count > 0)
            await scheduler.ScheduleJob(JobBuilder.Create<TimeUpJob>().WithIdentity(Job).StoreDurably().Build(), triggers, ScheduleJobOptions.Replacing, ct).ConfigureAwait(false);
    }

    // With the token in it no timer takes another's place: Quartz, when it is done with the one, could remove the other with it.
    private static TriggerKey KeyOf(TimerRow timer) => new(string.Create(CultureInfo.InvariantCulture, $"{timer.SagaId}{Mark}{timer.Token}"), Name);

    // One shot. However late it is, it fires as soon as somebody can: no look-out for misfires is needed.
    private static ITrigger TriggerOf(TimerRow timer) => TriggerBuilder.Create()
        .ForJob(Job).WithIdentity(KeyOf(timer))
        .StartAt(timer.Due)
        .WithSimpleSchedule(once => once.WithMisfireInstruction(SimpleTriggerMisfireInstruction.IgnoreMisfires))
        .Build();

    private static void Configure(IQuartzBuilder quartz, Database database, string schema, IJobFactory jobs, TimeProvider time, ILoggerFactory logs)
    {
        // Quartz believes that a factory is meant only where it sees a provider too.
        quartz.Services.AddSingleton<ILoggerFactory>(new LogWithoutOutages(logs)).AddLogging(logging => logging.AddProvider(NullLoggerProvider.Instance));
        quartz.ConfigureScheduler(scheduler =>
        {
            scheduler.InstanceName = Name;
            scheduler.InstanceId = $"{Environment.MachineName}-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
            scheduler.IdleWaitTime = TimeoutPace.Idle;
            // A timer is handed over by whoever comes first: there is no cause to link to.
            scheduler.PropagateTraceContext = false;
        });
        quartz.UseTimeProvider(time);
        quartz.UseJobFactory(jobs);
        quartz.UseDefaultThreadPool(TimeoutPace.Concurrency);
        quartz.UsePersistentStore(store =>
        {
            void Connect(DataSourceOptions options) => options.DataSourceFactory = _ => database.Source;
            if (database.Source is NpgsqlDataSource)
                store.UsePostgres(Connect);
            else
                store.UseSqlServer(Connect);
            store.UseSystemTextJsonSerializer();
            store.UseClustering(cluster => cluster.CheckinInterval = TimeoutPace.CheckIn);
            store.ConfigureStore(options =>
            {
                options.TablePrefix = QuartzTables.Prefix(schema);
                options.StoreJobDataAsStrings = true;
                options.DbRetryInterval = TimeoutPace.Restart;
                options.UseBackgroundThreads = true;
            });
        });
    }
}

/// <summary>The kind of job that stands in the scheduler's tables; what it does is its factory's.</summary>
internal sealed class TimeUpJob(Func<TimerRow, CancellationToken, Task> act) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken) =>
        await act(ClusteredScheduler.TimerOf(context.Trigger), cancellationToken).ConfigureAwait(false);
}
