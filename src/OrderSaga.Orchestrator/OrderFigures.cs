using System.Diagnostics.Metrics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Orchestrator;

/// <summary>
/// How the orders stand that are under way, what is stuck, and what is unsent; says so in the log when orders become slow. One statement
/// over three indexes that hold what is open alone: it grows with that, not with what has ended.
/// </summary>
internal sealed class OrderFigures : Look
{
    private const string State = "state", Stuck = "stuck", Unsent = "unsent";

    private readonly IServiceScopeFactory scopes;
    private readonly OrderStateMachine machine;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private IReadOnlyList<Figure> figures = [];
    private bool slow;

    public OrderFigures(IServiceScopeFactory scopes, OrderStateMachine machine, IMeterFactory meters, TimeProvider time, ILogger<OrderFigures> log) : base(time, log)
    {
        (this.scopes, this.machine, this.time, this.log) = (scopes, machine, time, log);
        var meter = meters.Create(Meters.Name);
        meter.CreateObservableGauge("saga_in_flight", InFlight, description: "Orders under way, by the state of their saga");
        meter.CreateObservableGauge("saga_oldest_seconds", () => Age(State), description: "How long ago the oldest order began that is under way; 0 where none is");
        meter.CreateObservableGauge("saga_slow", () => Sum(State, f => f.Slow), description: "Orders under way that began longer ago than Checkout:SlowAfter");
        meter.CreateObservableGauge("saga_stuck", () => Sum(Stuck, f => f.Many), description: "Undos that did not succeed: a person has to finish them");
        meter.CreateObservableGauge("saga_unsent_messages", () => Sum(Unsent, f => f.Many), description: "Commits whose messages the broker has not confirmed yet");
        meter.CreateObservableGauge("saga_unsent_oldest_seconds", () => Age(Unsent), description: "How long the oldest of them has been waiting; 0 where none does");
    }

    protected override async Task LookAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var before = time.GetUtcNow() - machine.SlowAfter;
        figures = await scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Database.SqlQuery<Figure>($"""
            SELECT 'state' AS kind, current_state AS name, CAST(COUNT(*) AS int) AS many, CAST(SUM(CASE WHEN started_at <= {before} THEN 1 ELSE 0 END) AS int) AS slow, MIN(started_at) AS since
            FROM checkout.order_state WHERE not_due_before IS NOT NULL AND ended_at IS NULL GROUP BY current_state
            UNION ALL SELECT 'stuck', '', CAST(COUNT(*) AS int), 0, MIN(since) FROM checkout.stuck WHERE resolved_at IS NULL
            UNION ALL SELECT 'unsent', '', CAST(COUNT(*) AS int), 0, MIN(at) FROM checkout.saga_log WHERE outgoing IS NOT NULL
            """).ToListAsync(ct).ConfigureAwait(false);
        TellOfSlowOnes();
    }

    // Once when it begins and once when it is over: what makes one order slow makes many slow.
    private void TellOfSlowOnes()
    {
        var open = figures.Where(f => f.Kind == State).ToList();
        var count = open.Sum(f => f.Slow);
        if (count > 0 && !slow)
            log.LogWarning(Transition.Slow, "{Count} orders have not come to rest within {SlowAfter}, the oldest since {Since:u}: see /ops/orders?status=Processing&olderThan={Seconds}s for what they wait for",
                count, machine.SlowAfter, open.Min(f => f.Since), machine.SlowAfter.TotalSeconds);
        else if (count == 0 && slow)
            log.LogInformation(Transition.NoLongerSlow, "No order takes longer than {SlowAfter} any more", machine.SlowAfter);
        slow = count > 0;
    }

    // Every state that an order can be under way in, so that one that empties shows so.
    private IEnumerable<Measurement<int>> InFlight() => !IsKnown ? [] : machine.StateNamesInOrder.Where(s => !StateNames.IsEnd(s)).Union(figures.Where(f => f.Kind == State).Select(f => f.Name))
        .Select(state => new Measurement<int>(figures.Where(f => f.Kind == State && f.Name == state).Sum(f => f.Many), new KeyValuePair<string, object?>("state", state)));

    private IEnumerable<Measurement<int>> Sum(string kind, Func<Figure, int> what) => IsKnown ? [new(figures.Where(f => f.Kind == kind).Sum(what))] : [];

    private IEnumerable<Measurement<double>> Age(string kind) =>
        IsKnown ? [new(figures.Where(f => f.Kind == kind).Min(f => f.Since) is { } since ? Math.Max(0, (time.GetUtcNow() - since).TotalSeconds) : 0)] : [];

    private sealed record Figure(string Kind, string Name, int Many, int Slow, DateTimeOffset? Since);
}
