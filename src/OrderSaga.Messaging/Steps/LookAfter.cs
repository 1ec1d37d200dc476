using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// Finishes what an outside step left behind: intents of a process that died and for which nobody asks any more, and effects that land
/// after their undo was confirmed. At the start and every minute, on every node; each intent is taken by one of them.
/// </summary>
internal sealed class LookAfter<TStep>(IServiceScopeFactory scopes, IBus bus, IHostApplicationLifetime host, TimeProvider time, ILogger<LookAfter<TStep>> log) : BackgroundService
    where TStep : class, IOutsideStep
{
    private const int AtOnce = 8;
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    /// <summary>Looks once at what is left behind now.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var left = await scope.ServiceProvider.GetRequiredService<TStep>().LeftBehindAsync(time.GetUtcNow(), ct).ConfigureAwait(false);
        await Parallel.ForEachAsync(left, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, LookAsync).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await time.EveryAsync(Pause, _ => LookAsync(stoppingToken), log, $"Looking after what {typeof(TStep).Name} left behind", stoppingToken).ConfigureAwait(false);
    }

    private async ValueTask LookAsync(Intent left, CancellationToken ct)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            await scope.ServiceProvider.GetRequiredService<TStep>().LookAfterAsync(left, scope.ServiceProvider, bus, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            log.LogWarning(e, "Order {OrderId}: what became of {Step} could not be found out; it is tried again later", left.OrderId, left.Step);
        }
    }
}

public static class OutsideSteps
{
    /// <summary>A step that acts outside, with the look-after for what it leaves behind when its process dies.</summary>
    public static IConsumerRegistrationConfigurator<TStep> AddOutsideStep<TStep>(this IBusRegistrationConfigurator bus)
        where TStep : class, IOutsideStep
    {
        bus.AddHostedService<LookAfter<TStep>>();
        return bus.AddConsumer<TStep>();
    }
}
