using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Health;

/// <summary>Says once that the broker is away, and once that it is there: at the start, and whenever it goes.</summary>
internal sealed class BrokerWatch(IBusControl bus, string broker, TimeProvider time, ILogger<BrokerWatch> log) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    // A connection takes a moment, and one that is lost is often back at once.
    private const int Patience = 5;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Look, time);
        for (var away = 0; await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false);)
        {
            var well = bus.IsWell();
            if (well && away >= Patience)
                log.LogInformation("The broker at {Broker} is there", broker);
            away = well ? 0 : away + 1;
            if (away == Patience)
                log.LogWarning("Waiting for the broker at {Broker}: see that it runs, and that Transport:Uri is right. Orders are accepted meanwhile, and go on when it is there", broker);
        }
    }
}

/// <summary>The bus is connected, with every endpoint of it.</summary>
internal sealed class BrokerCheck(IBusControl bus) : Check
{
    protected override string Subject => "The bus";

    protected override Task<HealthCheckResult> LookAsync(CancellationToken ct) => Task.FromResult(bus.IsWell()
        ? HealthCheckResult.Healthy()
        : HealthCheckResult.Unhealthy("Messages cannot be sent or received: see that the broker runs, and that Transport:Uri is right. What was accepted is kept and goes on when it is back."));
}

public static class BrokerWatching
{
    /// <summary>Has health and log say when the broker is away.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="broker">Its host and port, for people; null where messages stay in memory.</param>
    public static void WatchBroker(this IServiceCollection services, string? broker)
    {
        services.AddCheckOnce<BrokerCheck>("broker");
        if (broker is null)
            return;
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<BrokerWatch>(provider, broker));
        services.AddSingleton<ConnectionWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<ConnectionWatch>());
        services.AddHostedService<EndpointWatch>();
    }
}
