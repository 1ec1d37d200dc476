using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Clock;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class ClockOnPostgres() : ClockKit(TestServer.Postgres);

public sealed class ClockOnSqlServer() : ClockKit(TestServer.SqlServer);

/// <summary>One clock for all processes, which outlives them.</summary>
public abstract class ClockKit(TestServer server)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_moved_for_all_that_are_up_when_it_says_so()
    {
        await using var database = await server.CreateAsync();
        using var one = await StartAsync(database);
        using var two = await StartAsync(database);
        using var three = await StartAsync(database);
        await UntilSeenAsync(database, 3);
        var delay = Task.Delay(TimeSpan.FromMinutes(1), three.Services.GetRequiredService<TimeProvider>(), Ct);
        var moved = await ClockOf(one).AdvanceAsync(TimeSpan.FromSeconds(60), Ct);
        Assert.Equal((60d, 3, 3), (moved.AheadSeconds, moved.Processes, moved.Moved));
        Assert.All([one, two, three], node => Assert.Equal(TimeSpan.FromMinutes(1), AheadOf(node)));
        await delay.WaitAsync(TimeSpan.FromSeconds(5), Ct);
        Assert.InRange(moved.Now - one.Services.GetRequiredService<TimeProvider>().GetUtcNow(), TimeSpan.FromSeconds(-5), TimeSpan.Zero);
    }

    [Fact]
    public async Task Should_count_every_move_though_many_come_at_once()
    {
        await using var database = await server.CreateAsync();
        using var one = await StartAsync(database);
        using var two = await StartAsync(database);
        var moved = await Task.WhenAll(Enumerable.Range(0, 40).Select(n => ClockOf(n % 2 == 0 ? one : two).AdvanceAsync(TimeSpan.FromMilliseconds(250), Ct)));
        Assert.Equal(10, moved.Max(m => m.AheadSeconds));
        await ClockOf(one).AdvanceAsync(TimeSpan.FromSeconds(1), Ct);
        Assert.Equal((TimeSpan.FromSeconds(11), TimeSpan.FromSeconds(11)), (AheadOf(one), AheadOf(two)));
    }

    [Fact]
    public async Task Should_not_go_back_for_a_process_that_comes_later()
    {
        await using var database = await server.CreateAsync();
        using (var one = await StartAsync(database))
        {
            await ClockOf(one).AdvanceAsync(TimeSpan.FromDays(7), Ct);
            await one.StopAsync(Ct);
        }

        // Before anything of it starts.
        var seen = TimeSpan.Zero;
        using var next = await StartAsync(database, time => seen = time.Ahead);
        Assert.Equal(TimeSpan.FromDays(7), seen);
    }

    [Fact]
    public async Task Should_wait_for_nobody_who_is_gone()
    {
        await using var database = await server.CreateAsync();
        using var gone = await StartAsync(database);
        using var one = await StartAsync(database);
        await UntilSeenAsync(database, 2);
        await gone.StopAsync(Ct);
        var moved = await ClockOf(one).AdvanceAsync(TimeSpan.FromSeconds(60), Ct);
        Assert.Equal((1, 1), (moved.Processes, moved.Moved));
    }

    [Fact]
    public async Task Should_say_that_somebody_who_is_up_does_not_follow()
    {
        await using var database = await server.CreateAsync();
        using var one = await StartAsync(database);
        await database.AskAsync("INSERT INTO ops.clocks (name, ahead_ms, seen_at) VALUES ('hangs', 0, '2999-01-01T00:00:00Z')");
        var moved = await ClockOf(one).AdvanceAsync(TimeSpan.FromSeconds(60), Ct);
        Assert.Equal((60d, 2, 1), (moved.AheadSeconds, moved.Processes, moved.Moved));
    }

    private static ShopClock ClockOf(IHost node) => node.Services.GetRequiredService<ShopClock>();

    private static TimeSpan AheadOf(IHost node) => node.Services.GetRequiredService<MovableTime>().Ahead;

    private static Task UntilSeenAsync(ServerDatabase database, int nodes) =>
        Eventually.HoldsAsync(async () => await database.CountAsync("ops.clocks WHERE name <> 'shop'") == nodes, "all nodes are seen");

    private static async Task<IHost> StartAsync(ServerDatabase database, Action<MovableTime>? starting = null)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddDeadLetters(database.Connect());
        builder.Services.AddMovableClock();
        builder.Services.AddHostedService(provider => new Starting(() => starting?.Invoke(provider.GetRequiredService<MovableTime>())));
        var host = builder.Build();
        await host.StartAsync(Ct);
        return host;
    }

    private sealed class Starting(Action act) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            act();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
