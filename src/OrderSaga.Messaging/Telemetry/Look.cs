using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Telemetry;

/// <summary>What all instruments belong to.</summary>
public static class Meters
{
    public const string Name = "OrderSaga";
}

/// <summary>
/// Figures that have to be looked for: every few seconds, however many ask, and shown as they were last seen. What cannot be seen any more
/// is not shown: a figure that stands still would look like one that is well.
/// </summary>
public abstract class Look(TimeProvider time, ILogger log)
{
    // Whoever asks more often gets the same again.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5), Kept = TimeSpan.FromMinutes(1), Patience = TimeSpan.FromSeconds(2);

    private readonly Lock turn = new();
    private Task looking = Task.CompletedTask;
    private long? began, seen;

    /// <summary>Whether what was seen last may still be shown.</summary>
    protected bool IsKnown => seen is { } at && time.GetElapsedTime(at) < Kept;

    /// <summary>Completes when the figures are fresh, or cannot be had for now.</summary>
    public Task FreshenAsync()
    {
        lock (turn)
        {
            if (looking.IsCompleted && (began is not { } at || time.GetElapsedTime(at) >= Fresh))
                (began, looking) = (time.GetTimestamp(), TryAsync());
            return looking;
        }
    }

    /// <summary>Looks, and keeps what it sees.</summary>
    protected abstract Task LookAsync(CancellationToken ct);

    private async Task TryAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var look = LookAsync(patience.Token);
            _ = look.ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            await look.WaitAsync(Patience).ConfigureAwait(false);
            seen = time.GetTimestamp();
        }
        catch (Exception e)
        {
            await patience.CancelAsync().ConfigureAwait(false);
            // That a server is away is said elsewhere, and that these are missing by their absence.
            log.LogDebug(e, "{Look} could not be seen", GetType().Name);
        }
    }
}

public static class Looking
{
    /// <summary>How often figures are looked at though nobody asks.</summary>
    public static TimeSpan Pause { get; } = TimeSpan.FromSeconds(15);

    /// <summary>Has figures looked for by this process.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="make">Makes what looks, where the container cannot.</param>
    public static void AddLook<TLook>(this IServiceCollection services, Func<IServiceProvider, TLook>? make = null)
        where TLook : Look
    {
        services.AddMetrics();
        if (make is null)
            services.AddSingleton<TLook>();
        else
            services.AddSingleton(make);
        services.AddSingleton<Look>(provider => provider.GetRequiredService<TLook>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, Looks>());
    }

    // A look of its own is no part of whatever order is handled at the moment.
    private sealed class Looks(IEnumerable<Look> looks, IHostApplicationLifetime host, TimeProvider time, ILogger<Looks> log) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await host.StartedAsync(stoppingToken).ConfigureAwait(false);
            Activity.Current = null;
            await time.EveryAsync(Pause, _ => Task.WhenAll(looks.Select(l => l.FreshenAsync())), log, "Looking for figures", stoppingToken).ConfigureAwait(false);
        }
    }
}
