using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.DeadLetters;

namespace OrderSaga.Messaging.Clock;

/// <summary>
/// The clock of all processes of a shop, for Development: somebody moves it forward, and nobody need wait. How far it is ahead stands in a
/// row that every process reads before it does anything, and several times a second from then on.
/// </summary>
public sealed class ShopClock : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200), Beat = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(5);

    // Whoever was not seen for so long is gone.
    private static readonly TimeSpan Gone = TimeSpan.FromSeconds(4);

    private readonly string name = $"{Environment.MachineName}-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
    private readonly IServiceScopeFactory scopes;
    private readonly DatabaseOf<OpsDb> database;
    private readonly MovableTime time;
    private readonly ILogger log;
    private (long Ahead, DateTimeOffset At) told = (-1, default);

    internal ShopClock(IServiceScopeFactory scopes, DatabaseOf<OpsDb> database, MovableTime time, ILogger log) =>
        (this.scopes, this.database, this.time, this.log) = (scopes, database, time, log);

    private static DateTimeOffset RealNow => TimeProvider.System.GetUtcNow();

    /// <summary>Moves it forward, and waits until every process that is up has taken it over; not for ever.</summary>
    public async Task<ClockMoved> AdvanceAsync(TimeSpan by, CancellationToken ct)
    {
        await MoveAsync((long)by.TotalMilliseconds, ct).ConfigureAwait(false);
        var goal = await ReadAsync(ct).ConfigureAwait(false);
        log.LogWarning("The clock of the shop is moved forward by {By}; it is {Ahead} ahead now", by, time.Ahead);
        for (var until = RealNow + Patience; ; await Task.Delay(Look / 4, ct).ConfigureAwait(false))
        {
            var others = await OthersAsync(ct).ConfigureAwait(false);
            var behind = others.Count(ahead => ahead < goal);
            if (behind == 0 || RealNow >= until)
                return new(time.GetUtcNow(), time.Ahead.TotalSeconds, others.Count + 1, others.Count + 1 - behind);
        }
    }

    async Task IHostedLifecycleService.StartingAsync(CancellationToken cancellationToken) => await ReadAsync(cancellationToken).ConfigureAwait(false);

    Task IHostedLifecycleService.StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // On the wall's clock: this is how the other one moves.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => TimeProvider.System.EveryAsync(Look, async first =>
    {
        await ReadAsync(stoppingToken).ConfigureAwait(false);
        await TellAsync(first, stoppingToken).ConfigureAwait(false);
    }, log, "Following the clock of the shop", stoppingToken);

    // Of two at once, both count.
    private async Task MoveAsync(long by, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                var (db, now) = (Db(scope), RealNow);
                if (await db.Clocks.Where(c => c.Name == ClockRow.Shop)
                    .ExecuteUpdateAsync(set => set.SetProperty(c => c.AheadMs, c => c.AheadMs + by).SetProperty(c => c.SeenAt, now), ct).ConfigureAwait(false) == 1)
                    return;
                db.Add(new ClockRow { Name = ClockRow.Shop, AheadMs = by, SeenAt = now });
                await db.SaveChangesAsync(ct).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (database.Value.IsConflict(e))
            {
                // Somebody else moved it for the first time just now.
            }
        }
    }

    private async Task<long> ReadAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var ahead = await Db(scope).Clocks.Where(c => c.Name == ClockRow.Shop).Select(c => c.AheadMs).SingleOrDefaultAsync(ct).ConfigureAwait(false);
        time.MoveTo(TimeSpan.FromMilliseconds(ahead));
        return ahead;
    }

    // What this process follows now, when it has changed or was said a while ago.
    private async Task TellAsync(bool first, CancellationToken ct)
    {
        var (now, ahead) = (RealNow, (long)time.Ahead.TotalMilliseconds);
        if (ahead == told.Ahead && now - told.At < Beat)
            return;
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        if (await db.Clocks.Where(c => c.Name == name).ExecuteUpdateAsync(set => set.SetProperty(c => c.AheadMs, ahead).SetProperty(c => c.SeenAt, now), ct).ConfigureAwait(false) == 0)
        {
            db.Add(new ClockRow { Name = name, AheadMs = ahead, SeenAt = now });
            await db.SaveChangesAsync(ct).ConfigureAwait(false);
        }

        if (first)
            await db.Clocks.Where(c => c.Name != ClockRow.Shop && c.SeenAt < now - Gone).ExecuteDeleteAsync(ct).ConfigureAwait(false);
        told = (ahead, now);
    }

    private async Task<List<long>> OthersAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var since = RealNow - Gone;
        return await Db(scope).Clocks.Where(c => c.Name != ClockRow.Shop && c.Name != name && c.SeenAt >= since).Select(c => c.AheadMs).ToListAsync(ct).ConfigureAwait(false);
    }

    private static OpsDb Db(AsyncServiceScope scope) => scope.ServiceProvider.GetRequiredService<OpsDb>();
}

/// <summary>What came of moving the clock.</summary>
/// <param name="Now">The shop's time.</param>
/// <param name="AheadSeconds">How far that is ahead of real time, in all.</param>
/// <param name="Processes">How many processes are up.</param>
/// <param name="Moved">How many of them have taken it over.</param>
public sealed record ClockMoved(DateTimeOffset Now, double AheadSeconds, int Processes, int Moved);

public static class MovableClock
{
    /// <summary>A clock that can be moved, in place of the machine's; for Development. Comes right after <see cref="ReliableMessaging.AddDeadLetters"/>, in whose schema it is.</summary>
    public static void AddMovableClock(this IServiceCollection services)
    {
        services.AddSingleton<MovableTime>();
        services.AddSingleton<TimeProvider>(provider => provider.GetRequiredService<MovableTime>());
        services.AddSingleton(provider => new ShopClock(
            provider.GetRequiredService<IServiceScopeFactory>(), provider.GetRequiredService<DatabaseOf<OpsDb>>(), provider.GetRequiredService<MovableTime>(), provider.GetRequiredService<ILogger<ShopClock>>()));
        services.AddHostedService(provider => provider.GetRequiredService<ShopClock>());
    }
}
