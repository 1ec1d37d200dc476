using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Steps;

/// <summary>Carries on with what is under way, on every node; what one of them began, any other ends.</summary>
internal sealed class CarryOn<TDb, TStep>(
    IServiceScopeFactory scopes, IBus bus, IHostApplicationLifetime host, TimeProvider time, Doorbell<TDb> bell, ILogger<CarryOn<TDb, TStep>> log) : BackgroundService
    where TDb : DbContext
    where TStep : class, ILongStep
{
    private const int AtOnce = 4;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await time.WhenDueAsync(LongestPause, bell, () => LookAsync(stoppingToken), log, $"Carrying on with {typeof(TStep).Name}", stoppingToken).ConfigureAwait(false);
    }

    private async Task<DateTimeOffset?> LookAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var step = scope.ServiceProvider.GetRequiredService<TStep>();
        while (true)
        {
            var (due, next) = await step.DueAsync(time.GetUtcNow(), ct).ConfigureAwait(false);
            if (due.Count == 0)
                return next;
            await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, CarryOnAsync).ConfigureAwait(false);
        }
    }

    private async ValueTask CarryOnAsync(Guid orderId, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var step = scope.ServiceProvider.GetRequiredService<TStep>();
        try
        {
            await step.CarryOnAsync(orderId, scope.ServiceProvider, bus, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            log.LogWarning(e, "Order {OrderId}: {Step} could not be carried on with; it is tried again later", orderId, typeof(TStep).Name);
            await step.PutOffAsync(orderId, time.GetUtcNow(), ct).ConfigureAwait(false);
        }
    }
}

public static class LongSteps
{
    /// <summary>Has a step carried on with that takes its time; that it listens is said elsewhere.</summary>
    public static void CarryOn<TDb, TStep>(this IBusRegistrationConfigurator bus)
        where TDb : DbContext
        where TStep : class, ILongStep
    {
        bus.TryAddSingleton<Doorbell<TDb>>();
        bus.AddHostedService<CarryOn<TDb, TStep>>();
    }
}
