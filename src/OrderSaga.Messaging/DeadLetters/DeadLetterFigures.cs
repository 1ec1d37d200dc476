using System.Diagnostics.Metrics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>How many dead letters wait for a person: one statement, by the index of those that wait.</summary>
internal sealed class DeadLetterFigures : Look
{
    private readonly IServiceScopeFactory scopes;
    private IReadOnlyList<(string Queue, int Count)> waiting = [];

    public DeadLetterFigures(IServiceScopeFactory scopes, IMeterFactory meters, TimeProvider time, ILogger<DeadLetterFigures> log) : base(time, log)
    {
        this.scopes = scopes;
        meters.Create(Meters.Name).CreateObservableGauge("saga_dead_letters",
            () => IsKnown ? waiting.Select(w => new Measurement<int>(w.Count, new KeyValuePair<string, object?>("queue", w.Queue))) : [], description: "Dead letters that wait for a person, by the queue that they were in");
    }

    protected override async Task LookAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var counted = await scope.ServiceProvider.GetRequiredService<OpsDb>().DeadLetters.Where(l => l.Status == DeadLetterStatus.Waiting)
            .GroupBy(l => l.Queue).Select(g => new { Queue = g.Key, Count = g.Count() }).ToListAsync(ct).ConfigureAwait(false);
        // A queue that had some shows that it has none any more.
        waiting = [.. waiting.Select(w => w.Queue).Union(counted.Select(c => c.Queue)).Select(queue => (queue, counted.Find(c => c.Queue == queue)?.Count ?? 0))];
    }
}
