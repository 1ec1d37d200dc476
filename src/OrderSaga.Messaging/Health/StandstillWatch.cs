using System.Collections.Concurrent;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Health;

/// <summary>What a service of this process cannot do now, and since when.</summary>
/// <param name="Service">The queue that stands still.</param>
/// <param name="Commands">What is asked for there.</param>
/// <param name="Since">When it was first seen.</param>
/// <param name="Until">When it will have been said again, if it lasts.</param>
public sealed record Standstill(string Service, IReadOnlyList<string> Commands, DateTimeOffset Since, DateTimeOffset Until);

/// <summary>
/// Says, for as long as it lasts, that a service stands still because its own database is away: it alone knows, and who waits for its
/// answers would take it for silent. Seen by the messages that are held for it, so a service that is well costs nothing.
/// </summary>
internal sealed class StandstillWatch(IReadOnlyList<Mailbox> mailboxes, Func<Standstill, object> say, Func<IBus> bus, TimeProvider time, ILogger<StandstillWatch> log) : BackgroundService, IRetryObserver
{
    // A held message is tried every five seconds. One word may be lost.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(4), Quiet = TimeSpan.FromSeconds(8), Spell = TimeSpan.FromSeconds(12);

    private static readonly TimeProvider Wall = TimeProvider.System;

    private readonly ConcurrentDictionary<string, (long Last, DateTimeOffset Since)> seen = new(StringComparer.Ordinal);
    private readonly Doorbell bell = new();

    Task IRetryObserver.PostFault<T>(RetryContext<T> context)
    {
        if (context.Context is ConsumeContext consume && Database.IsAway(context.Exception))
            See(consume.ReceiveContext.InputAddress.Segments[^1]);
        return Task.CompletedTask;
    }

    Task IRetryObserver.PostCreate<T>(RetryPolicyContext<T> context) => Task.CompletedTask;

    Task IRetryObserver.PreRetry<T>(RetryContext<T> context) => Task.CompletedTask;

    Task IRetryObserver.RetryFault<T>(RetryContext<T> context) => Task.CompletedTask;

    Task IRetryObserver.RetryComplete<T>(RetryContext<T> context) => Task.CompletedTask;

    /// <summary>Messages of this queue are held.</summary>
    public bool StandsStill(string queue) => seen.TryGetValue(queue, out var held) && Wall.GetElapsedTime(held.Last) <= Quiet;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // On the wall's clock: it is a server that is away.
        await Wall.WhenDueAsync(TimeSpan.FromDays(1), bell, async () =>
        {
            foreach (var (queue, (last, since)) in seen)
                if (Wall.GetElapsedTime(last) > Quiet)
                {
                    seen.TryRemove(queue, out _);
                    log.LogInformation("The database behind {Queue} is there; what was held goes on", queue);
                }
                else if (mailboxes.FirstOrDefault(m => m.Name == queue) is { } mailbox)
                    await bus().Publish(say(new(queue, [.. mailbox.Contracts.Select(c => c.Name)], since, time.GetUtcNow() + Spell)), stoppingToken).ConfirmedAsync(stoppingToken).ConfigureAwait(false);
            return seen.IsEmpty ? null : Wall.GetUtcNow() + Look;
        }, log, "Saying that a service stands still", stoppingToken).ConfigureAwait(false);
    }

    private void See(string queue)
    {
        var first = false;
        seen.AddOrUpdate(queue, _ =>
        {
            first = true;
            return (Wall.GetTimestamp(), time.GetUtcNow());
        }, (_, was) => (Wall.GetTimestamp(), was.Since));
        if (!first)
            return;
        log.LogWarning("The database behind {Queue} is away: its messages are held until it is back, and whoever waits for them hears so", queue);
        bell.Ring();
    }
}

public static class Standstills
{
    /// <summary>Has the services of this process say when they stand still.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="mailboxes">What they hear.</param>
    /// <param name="say">The message in which it is said.</param>
    public static void AddStandstillWatch(this IServiceCollection services, IReadOnlyList<Mailbox> mailboxes, Func<Standstill, object> say)
    {
        services.AddSingleton(provider => new StandstillWatch(mailboxes, say, provider.GetRequiredService<IBus>, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<StandstillWatch>>()));
        services.AddHostedService(provider => provider.GetRequiredService<StandstillWatch>());
    }
}
