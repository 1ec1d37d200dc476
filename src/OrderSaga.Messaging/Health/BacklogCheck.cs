using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Health;

/// <summary>No message of an outbox has waited for longer than a few sweeps. The oldest is the first row of an index.</summary>
internal sealed class BacklogCheck<TDb, TEntry>(IServiceScopeFactory scopes, TimeProvider time) : Check
    where TDb : DbContext
    where TEntry : HandledMessage
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(3);

    protected override string Subject => "The table of messages that are to be sent";

    protected override async Task<HealthCheckResult> LookAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var until = time.GetUtcNow() - Bound;
        var oldest = await scope.ServiceProvider.GetRequiredService<TDb>().Set<TEntry>().AsNoTracking()
            .Where(e => e.Outgoing != null && e.At < until).OrderBy(e => e.At).Select(e => (DateTimeOffset?)e.At).FirstOrDefaultAsync(ct).ConfigureAwait(false);
        return oldest is { } since
            ? HealthCheckResult.Unhealthy($"Messages are unsent since {since:u}: see that the broker takes messages, and what the log says of those that could not be sent.")
            : HealthCheckResult.Healthy();
    }
}
