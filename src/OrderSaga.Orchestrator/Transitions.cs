using System.Data.Common;
using System.Diagnostics.Metrics;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Tells of every transition when it is committed, never before and never twice: one line in the log, and what is counted and timed of it.
/// Seen from here, where every answer arrives, so a participant in any language is measured like our own.
/// </summary>
internal sealed class Transitions : DbTransactionInterceptor
{
    // From a step in one process to one that fills its minute.
    private static readonly double[] StepBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60], OrderBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

    private readonly Dictionary<string, string> serviceOf;
    private readonly Counter<long> started, undone, undosFailed;
    private readonly Histogram<double> steps, orders;
    private readonly ILogger log;

    /// <param name="meters">Makes the meter.</param>
    /// <param name="participants">Who does the steps.</param>
    /// <param name="log">The log.</param>
    public Transitions(IMeterFactory meters, IReadOnlyList<Mailbox> participants, ILogger<Transitions> log)
    {
        this.log = log;
        serviceOf = participants.SelectMany(m => m.Contracts, (m, c) => (m.Name, c)).DistinctBy(p => p.c.Name).ToDictionary(p => p.c.Name, p => p.Name);
        var meter = meters.Create(Meters.Name);
        started = meter.CreateCounter<long>("saga_started_total", description: "Orders that were accepted");
        orders = meter.CreateHistogram("saga_duration_seconds", description: "How long orders took to come to rest, by how they did", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = OrderBounds });
        steps = meter.CreateHistogram("saga_step_duration_seconds", description: "From asking for a step, or for its undo, to its answer", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = StepBounds });
        undone = meter.CreateCounter<long>("saga_compensations_total", description: "Undos that were confirmed");
        undosFailed = meter.CreateCounter<long>("saga_compensation_failures_total", description: "Undos that failed or were not answered; they are tried again, and then a person is told");
        // A rate is only seen from the first one on if there was none before.
        foreach (var service in participants.Select(m => m.Name))
        {
            undone.Add(0, Service(service));
            undosFailed.Add(0, Service(service));
        }

        started.Add(0);
    }

    public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is not { } db)
            return Task.CompletedTask;
        // All is saved: looking for changes would be work on every commit.
        var detects = db.ChangeTracker.AutoDetectChangesEnabled;
        db.ChangeTracker.AutoDetectChangesEnabled = false;
        foreach (var entry in db.ChangeTracker.Entries<SagaLogEntry>())
            if (entry.Entity.ToTell is { } transition)
            {
                entry.Entity.ToTell = null;
                Tell(transition, entry.Entity);
            }

        db.ChangeTracker.AutoDetectChangesEnabled = detects;
        return Task.CompletedTask;
    }

    internal void Tell(Transition transition, SagaLogEntry entry)
    {
        transition.Write(log, entry);
        // The key ends with what was asked for.
        var action = entry.Key is { } key ? key[(key.LastIndexOf(':') + 1)..] : "";
        var service = Service(serviceOf.GetValueOrDefault(action, "unknown"));
        if (transition.Took is { } took)
            steps.Record(took.TotalSeconds, service, new("step", action));
        if (entry.Status == Said.Submitted)
            started.Add(1);
        if (entry.Direction == CompensatingState.Word(Direction.Undo))
        {
            if (entry.Status == Said.Undone)
                undone.Add(1, service);
            else if (entry.Status is Said.Faulted or Said.Silent or Said.Stuck)
                undosFailed.Add(1, service);
        }

        if (transition.Ended is { } ended)
            orders.Record(ended.Took.TotalSeconds, new KeyValuePair<string, object?>("ending", ended.Ending));
    }

    private static KeyValuePair<string, object?> Service(string name) => new("service", name);
}
