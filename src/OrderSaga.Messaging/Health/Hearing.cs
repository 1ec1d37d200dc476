using System.Collections.Immutable;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Health;

/// <summary>A time in which nothing could be heard, because what messages come through was away.</summary>
public readonly record struct DeafTime(DateTimeOffset From, DateTimeOffset Until)
{
    /// <summary>How much of a time was lost to such times.</summary>
    public static TimeSpan Lost(ImmutableArray<DeafTime> times, DateTimeOffset from, DateTimeOffset until)
    {
        var lost = TimeSpan.Zero;
        foreach (var time in times)
        {
            var (begin, end) = (time.From > from ? time.From : from, time.Until < until ? time.Until : until);
            lost += end > begin ? end - begin : TimeSpan.Zero;
        }

        return lost;
    }
}

/// <summary>
/// Whether this process could hear an answer now, and when it could not: the broker confirms, the database answers, and the process itself
/// is not held. Who takes silence for a failure asks here first, or one outage would undo every order under way.
/// </summary>
/// <remarks>
/// Looked at by doing it, once a second: a connection that is open says little of a broker that hangs. By the clock on the wall, for these
/// are sockets; what is kept of it is in the shop's time.
/// </remarks>
public sealed class Hearing(Func<CancellationToken, Task> probe, TimeProvider time, ILogger<Hearing> log) : BackgroundService
{
    /// <summary>What is not heard for longer than this is away. An outage that is shorter than this goes unseen: let no step have less.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1), Answer = TimeSpan.FromSeconds(4);

    // A wait that reaches further back than so many outages is no longer one of theirs.
    private const int Kept = 100;

    private static readonly TimeProvider Wall = TimeProvider.System;

    private readonly Lock changing = new();
    private ImmutableArray<DeafTime> times = [];
    private (long At, DateTimeOffset Time)? heard;
    private bool told;

    /// <summary>Rings when it hears again.</summary>
    public Doorbell Hears { get; } = new();

    /// <summary>It cannot hear, or has not yet.</summary>
    /// <remarks>By when it last heard: a process that was held says so before it has looked again.</remarks>
    public bool IsDeaf
    {
        get
        {
            lock (changing)
                return heard is not { } last || Wall.GetElapsedTime(last.At) > Patience;
        }
    }

    /// <summary>When nothing could be heard, the time before the start included.</summary>
    public ImmutableArray<DeafTime> Times
    {
        get
        {
            lock (changing)
                return times;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Look);
        do
        {
            var asked = time.GetUtcNow();
            if (await AnswersAsync(stoppingToken).ConfigureAwait(false))
                Heard(asked);
            else if (heard is { } last && IsDeaf && !told)
            {
                log.LogWarning("No answer can be heard since {Since:u}: until that is over, no order is asked again or undone for silence", last.Time);
                told = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
    }

    private async Task<bool> AnswersAsync(CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Answer);
        var answer = probe(patience.Token);
        try
        {
            await answer.WaitAsync(patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception) when (!ct.IsCancellationRequested)
        {
            _ = answer.ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            return false;
        }
    }

    private void Heard(DateTimeOffset asked)
    {
        DeafTime? over = null;
        lock (changing)
        {
            if (heard is not { } last || Wall.GetElapsedTime(last.At) > Patience)
            {
                over = new(heard?.Time ?? DateTimeOffset.MinValue, time.GetUtcNow());
                times = [.. times.TakeLast(Kept - 1), over.Value];
            }

            heard = (Wall.GetTimestamp(), asked);
        }

        if (over is not { } outage)
            return;
        if (outage.From > DateTimeOffset.MinValue)
            log.LogInformation("Answers are heard again; none could be from {From:u} until {Until:u}, and orders that waited for one then wait for it anew", outage.From, outage.Until);
        told = false;
        Hears.Ring();
    }
}

public static class HearingRegistration
{
    /// <summary>Has this process know when it could not hear.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="queue">By which it hears.</param>
    /// <param name="overBroker">Messages come through a broker; else they stay in this process.</param>
    public static void AddHearing<TDb>(this IServiceCollection services, string queue, bool overBroker)
        where TDb : DbContext
    {
        services.AddSingleton(provider => new Hearing(ct => ProbeAsync(provider, ct), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<Hearing>>()));
        services.AddHostedService(provider => provider.GetRequiredService<Hearing>());

        async Task ProbeAsync(IServiceProvider provider, CancellationToken ct)
        {
            // A database may answer and yet take nothing in: its disk is full. What is heard then is held.
            if (provider.GetService<StandstillWatch>() is { } watch && watch.StandsStill(queue))
                throw new OutageException($"The messages of {queue} are held.");
            await Task.WhenAll(
                provider.GetRequiredService<DatabaseOf<TDb>>().Value.AnswersAsync(ct),
                overBroker ? provider.GetRequiredService<IBus>().Publish(new StillThere(), ct) : Task.CompletedTask).ConfigureAwait(false);
        }
    }
}

/// <summary>Goes to an exchange that nobody listens to: only the broker's confirmation is wanted.</summary>
public sealed record StillThere;
