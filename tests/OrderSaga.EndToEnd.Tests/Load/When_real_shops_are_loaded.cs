using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Load;

/// <summary>Two loads side by side, for most of a load's time is waiting until the servers tell what they counted: on a shop that runs, and on one that it starts.</summary>
public sealed class RealLoads : IAsyncLifetime
{
    internal const int Pause = 4;

    internal static readonly string[] Endings = ["complete", "declined", "sold-out", "returned", "stuck"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    internal Command OfOneThatRuns { get; private set; } = null!;

    internal Command OfOneThatIsStarted { get; private set; } = null!;

    /// <summary>What the one that started a shop left behind.</summary>
    public int Left { get; private set; }

    public async ValueTask InitializeAsync()
    {
        var folder = Directory.CreateTempSubdirectory("ordersaga-");
        var starting = Command.RunAsync(folder.FullName,
            ["load", "--orders", "24", "--warm-up", "2", "--rate", "8", "--mix", "complete=3,declined,sold-out,returned,stuck", "--json", "--Checkout:UndoPauses:0", $"00:00:0{Pause}"], Ct, ("TMPDIR", folder.FullName));
        await using (var place = (ServersPlace)await Place.OfAsync("servers"))
        await using (var shop = await Shop.StartAsync(place, Ct))
            OfOneThatRuns = await Command.RunAsync(place.Folder,
                ["load", "--url", $"{shop.Http.BaseAddress}", "--orders", "40", "--warm-up", "5", "--rate", "40", "--json", "--management", Environment.GetEnvironmentVariable("ORDERSAGA_TEST_RABBITMQ_MANAGEMENT")!, .. place.Arguments], Ct);
        OfOneThatIsStarted = await starting;
        Left = folder.GetFileSystemInfos("ordersaga-load-*").Length;
        folder.Delete(recursive: true);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

public class When_real_shops_are_loaded(RealLoads loads) : IClassFixture<RealLoads>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Should_count_one_that_runs_on_servers()
    {
        var report = Report(loads.OfOneThatRuns);
        Assert.Equal(40, report.GetProperty("orders").GetProperty("ended").GetInt32());
        Counted(report, "this program", "shop", "PostgreSQL", "RabbitMQ");
        // Full route: seven asks and answers each.
        Assert.InRange(report.GetProperty("perOrder").GetProperty("brokerMessages").GetDouble(), 10, 40);
        Assert.DoesNotContain("Password", loads.OfOneThatRuns.Output, StringComparison.OrdinalIgnoreCase);
    }

    /// Nothing is there but the program: it starts a shop, measures it, and leaves nothing behind.
    [Fact]
    public void Should_start_one_where_there_is_none()
    {
        var report = Report(loads.OfOneThatIsStarted);
        Assert.Equal(24, report.GetProperty("orders").GetProperty("ended").GetInt32());
        Counted(report, "this program", "shop", "PostgreSQL");
        Assert.Equal("in memory", report.GetProperty("settings").GetProperty("transport").GetString());
        Assert.Equal(0, loads.Left);
    }

    /// One order in seven sits out the pause of an undo that does not succeed.
    [Fact]
    public void Should_see_that_nobody_waits_for_orders_that_are_stuck()
    {
        var endings = Report(loads.OfOneThatIsStarted).GetProperty("endings").EnumerateArray().ToDictionary(e => e.GetProperty("meant").GetString()!, e => e.GetProperty("latency"));
        Assert.Equal(RealLoads.Endings, endings.Keys);
        var stuck = endings["stuck"].GetProperty("p50").GetDouble();
        Assert.InRange(stuck, RealLoads.Pause * 1000, double.MaxValue);
        // Most of them: a single one may be slow for reasons of its own.
        Assert.All(endings.Where(e => e.Key != "stuck"), e => Assert.InRange(e.Value.GetProperty("p50").GetDouble(), 1, stuck));
    }

    /// What stands in the settings is another shop's database: nothing of it may be counted for this one.
    [Fact]
    public async Task Should_not_count_in_a_database_that_does_not_know_the_orders()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        Assert.Equal(0, (await Command.RunAsync(place.Folder, ["migrate", .. place.Arguments], Ct)).ExitCode);
        await using var shop = await PretendedShop.OpenAsync();
        var run = await Command.RunAsync(place.Folder, ["load", "--url", $"{shop.Url}", "--orders", "5", "--warm-up", "0", .. place.Arguments.Take(4)], Ct);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains($"does not know the orders of the shop at {shop.Url}", run.Output, StringComparison.Ordinal);
    }

    private static JsonElement Report(Command load)
    {
        Assert.Equal((0, ""), (load.ExitCode, load.Error));
        return JsonElement.Parse(load.Output);
    }

    private static void Counted(JsonElement report, params string[] processes)
    {
        var cost = report.GetProperty("perOrder");
        Assert.Equal(processes.Order(), report.GetProperty("cpu").EnumerateObject().Select(p => p.Name).Order());
        Assert.DoesNotContain("processor time", report.GetProperty("notCounted").GetRawText(), StringComparison.Ordinal);
        Assert.InRange(cost.GetProperty("cpuMs").GetDouble(), 0.5, 5_000);
        // A handful of steps with a commit or two each, alone or in groups, and what a shop does anyway within ten seconds.
        Assert.InRange(cost.GetProperty("transactions").GetDouble(), 1, 60);
        // Of the whole server, which others may use meanwhile.
        Assert.InRange(cost.GetProperty("walBytes").GetDouble(), 1_000, double.MaxValue);
    }
}
