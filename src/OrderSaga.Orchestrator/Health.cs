using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator;

/// <summary>No order under way needs a step that this version does not have.</summary>
internal sealed class RoutesCheck(Queries queries) : Check
{
    protected override string Subject => "The table of orders";

    protected override async Task<HealthCheckResult> LookAsync(CancellationToken ct) =>
        await queries.UnknownStepsAsync(ct).ConfigureAwait(false) is { Count: > 0 } unknown
            ? HealthCheckResult.Unhealthy($"Orders under way need the steps {string.Join(", ", unknown)}, which this version does not know: deploy one that has them, if only as Retired().")
            : HealthCheckResult.Healthy();
}

/// <summary>When the sweep last came to its end.</summary>
internal sealed class SweepPulse(TimeProvider time)
{
    private long last = time.GetTimestamp();

    public TimeSpan Age => time.GetElapsedTime(Interlocked.Read(ref last));

    public void Beat() => Interlocked.Exchange(ref last, time.GetTimestamp());
}

/// <summary>The sweep runs: it is what stands behind every timer.</summary>
internal sealed class SweepCheck(SweepPulse pulse) : Check
{
    // One may be missed: the database was away for a moment.
    private static readonly TimeSpan Bound = 3 * Sweep.Pause;

    protected override string Subject => "The sweep";

    protected override Task<HealthCheckResult> LookAsync(CancellationToken ct) => Task.FromResult(pulse.Age <= Bound
        ? HealthCheckResult.Healthy()
        : HealthCheckResult.Unhealthy($"The sweep of orders past their deadline has not come to its end for {pulse.Age:hh\\:mm\\:ss}: see what the log says of it, and whether something locks checkout.order_state; if nothing does, start this process again."));
}
