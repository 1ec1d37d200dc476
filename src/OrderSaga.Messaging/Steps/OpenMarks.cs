using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// A service marks what belongs to sagas that have not ended. An ending that is lost on its way would leave such a mark for ever, so the
/// service asks for the outcome of the old ones: of all of them at its start, and every minute of those that are held for too long.
/// </summary>
public abstract class OpenMarks<TDb>(IServiceScopeFactory scopes, IBus bus, IHostApplicationLifetime host, TimeProvider time, ILogger log) : BackgroundService
    where TDb : DbContext
{
    private const int BatchSize = 500;
    private static readonly TimeSpan TooLong = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMinutes(1);

    /// <summary>The sagas that have a mark which was set before.</summary>
    protected abstract IQueryable<Guid> HeldSince(TDb db, DateTimeOffset before);

    /// <summary>The question.</summary>
    protected abstract object Ask(IReadOnlyList<Guid> sagas);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await time.EveryAsync(LookAgain, first => AskAsync(time.GetUtcNow() - (first ? TimeSpan.Zero : TooLong), stoppingToken),
            log, "Asking for the outcome of old marks", stoppingToken).ConfigureAwait(false);
    }

    private async Task AskAsync(DateTimeOffset before, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var held = await HeldSince(scope.ServiceProvider.GetRequiredService<TDb>(), before).Distinct().ToListAsync(ct).ConfigureAwait(false);
        foreach (var batch in held.Chunk(BatchSize))
        {
            log.LogInformation("Asking for the outcome of {Count} orders whose marks are still held", batch.Length);
            await bus.Publish(Ask(batch), ct).ConfigureAwait(false);
        }
    }
}
