using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace OrderSaga.Messaging.Health;

/// <summary>One thing that a process needs to do its work now. It says what is wrong and what helps, and nothing that is secret.</summary>
public abstract class Check : IHealthCheck
{
    /// <summary>What has not answered by then is not well, whatever it does.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(2);

    async Task<HealthCheckResult> IHealthCheck.CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var look = LookAsync(patience.Token);
        try
        {
            // A driver may take its time to give up, and a check may hang in what knows no token.
            return await look.WaitAsync(Patience, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (Outage.Is(e))
        {
            return HealthCheckResult.Unhealthy($"{Subject} cannot be asked: the database does not answer.");
        }
        catch (TimeoutException) when (!look.IsCompleted)
        {
            await patience.CancelAsync().ConfigureAwait(false);
            _ = look.ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            return HealthCheckResult.Unhealthy($"{Subject} did not answer within {Patience.TotalSeconds:0} s.");
        }
    }

    /// <summary>What it is about, for the beginning of a sentence.</summary>
    protected abstract string Subject { get; }

    protected abstract Task<HealthCheckResult> LookAsync(CancellationToken ct);
}

public static class Checks
{
    /// <summary>A check of this process, once, however many ask for it.</summary>
    public static void AddCheckOnce<TCheck>(this IServiceCollection services, string name)
        where TCheck : Check
    {
        services.TryAddSingleton<TCheck>();
        services.AddHealthChecks();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<HealthCheckServiceOptions>, Registration<TCheck>>(provider => new(name)));
    }

    private sealed class Registration<TCheck>(string name) : IConfigureOptions<HealthCheckServiceOptions>
        where TCheck : Check
    {
        public void Configure(HealthCheckServiceOptions options) =>
            options.Registrations.Add(new(name, provider => provider.GetRequiredService<TCheck>(), HealthStatus.Unhealthy, tags: null));
    }
}
