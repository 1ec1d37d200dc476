using System.Diagnostics;
using System.Diagnostics.Metrics;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Telemetry;
using OrderSaga.Web.Pages;

namespace OrderSaga.Host.Reconciliation;

/// <summary>
/// Compares the books from time to time, so that what does not agree is noticed though nobody asks. It reads all of the tables: every ten
/// minutes, and as seldom as keeps it under a hundredth of the time.
/// </summary>
internal sealed class ReconciliationWatch : BackgroundService
{
    private const int Share = 100;
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(10);

    private readonly Func<CancellationToken, Task<IReadOnlyList<Finding>>> findAsync;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private IReadOnlyList<Finding> findings = [];

    public ReconciliationWatch(Func<CancellationToken, Task<IReadOnlyList<Finding>>> findAsync, IMeterFactory meters, TimeProvider time, ILogger<ReconciliationWatch> log)
    {
        (this.findAsync, this.time, this.log) = (findAsync, time, log);
        meters.Create(Meters.Name).CreateObservableGauge("saga_reconciliation_violations",
            () => findings.Select(f => new Measurement<int>(f.Count, new KeyValuePair<string, object?>("check", f.Name))), description: "What does not agree between everybody's books, by the check that found it; as of the last comparison");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var pause = Pause; ;)
        {
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(false);
            var began = Stopwatch.GetTimestamp();
            try
            {
                var found = await findAsync(stoppingToken).ConfigureAwait(false);
                if (found.Sum(f => f.Count) is > 0 and var count && findings.Sum(f => f.Count) != count)
                    log.LogError("The books do not agree: {Violations} violations of {Checks}; see /ops/reconciliation", count, string.Join(", ", found.Where(f => f.Count > 0).Select(f => f.Name)));
                findings = found;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                findings = [];
                if (!Outage.Is(e) && !Database.IsAway(e))
                    log.LogWarning(e, "The books could not be compared; it is tried again");
            }

            pause = Stopwatch.GetElapsedTime(began) * Share is var share && share > Pause ? share : Pause;
        }
    }
}

internal static class ReconciliationWatching
{
    /// <summary>Has this process compare the books, if it knows all of them.</summary>
    public static void AddReconciliationWatch(this IServiceCollection services, Settings settings, Func<string, Database> databaseOf)
    {
        if (Settings.AllRoles.Except(["web"]).Any(role => !settings.Database.Knows(role)))
            return;
        services.AddHostedService(provider =>
        {
            var time = provider.GetRequiredService<TimeProvider>();
            var books = new HostBooks(settings, databaseOf, provider, time);
            return new ReconciliationWatch(async ct => (await books.ReconcileAsync(HostBooks.UsuallySettled, ct)).Checks, provider.GetRequiredService<IMeterFactory>(), time, provider.GetRequiredService<ILogger<ReconciliationWatch>>());
        });
    }
}
