using System.Diagnostics;
using System.Text.Json;
using OrderSaga.Host.Commands;
using OrderSaga.Host.Commands.Load;

namespace OrderSaga.EndToEnd.Tests.Load;

/// <summary>How orders are placed and timed, against shops that are slow and break.</summary>
public class When_a_shop_is_loaded
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_never_have_more_under_way_than_said()
    {
        await using var shop = await PretendedShop.OpenAsync(ends: async (_, ct) =>
        {
            await Task.Delay(Random.Shared.Next(1, 8), ct);
            return "Complete";
        });
        var (totals, going) = await RunAsync(shop, "--orders", "400", "--in-flight", "7");
        Assert.True(going);
        Assert.Equal((400, 400, 0, 0, 0), (shop.Asked, totals.Ended.Count, totals.Failed, totals.NotAtRest, totals.UnderWay));
        Assert.Equal((7, 7), (shop.Most, totals.MostUnderWay));
    }

    /// A server that takes one order at a time, and they come five times as fast: each waits for all before it, and says so.
    [Fact]
    public async Task Should_count_from_when_an_order_was_due()
    {
        using var one = new SemaphoreSlim(1);
        await using var shop = await PretendedShop.OpenAsync(async (_, ct) =>
        {
            await one.WaitAsync(ct);
            await Task.Delay(25, ct);
            one.Release();
            return 202;
        });
        var (totals, _) = await RunAsync(shop, "--orders", "60", "--rate", "200");
        var times = totals.Ended.Select(e => e.Took).ToList();
        Assert.Equal(60, times.Count);
        // The last was due after 295 ms, and is not answered before 60 x 25 ms.
        Assert.InRange(times.Max(), 1_150, double.MaxValue);
        Assert.InRange(Spread.Of(times)!.P50, 500, double.MaxValue);
        // Nobody held back the others: all were under way before the first tenth was through.
        Assert.InRange(totals.MostUnderWay, 40, 60);
    }

    /// This program sends late what it could not send in time: that too is counted with the order.
    [Fact]
    public async Task Should_count_what_it_was_late_itself()
    {
        await using var shop = await PretendedShop.OpenAsync();
        var time = new Asleep(TimeSpan.FromSeconds(3));
        var (totals, _) = await RunAsync(shop, time, "--orders", "50", "--rate", "1000");
        Assert.InRange(totals.Latest, TimeSpan.FromSeconds(2.9), TimeSpan.MaxValue);
        Assert.InRange(Spread.Of(totals.Ended.Select(e => e.Took))!.P50, 2_900, double.MaxValue);
    }

    [Fact]
    public async Task Should_place_so_many_per_second_for_so_long()
    {
        await using var shop = await PretendedShop.OpenAsync();
        var watch = Stopwatch.StartNew();
        var (totals, _) = await RunAsync(shop, "--duration", "1s", "--rate", "100");
        Assert.Equal(100, totals.Ended.Count);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Should_count_and_tell_errors_of_a_shop_that_breaks()
    {
        await using var shop = await PretendedShop.OpenAsync((n, _) => Task.FromResult(n is > 10 and <= 20 ? 500 : 202));
        var (totals, going) = await RunAsync(shop, "--orders", "40", "--in-flight", "4");
        Assert.True(going);
        Assert.Equal((30, 10, 0), (totals.Ended.Count, totals.Failed, totals.NotAtRest));
        Assert.Equal(["500 It is broken."], totals.Errors.Keys);
        Assert.Equal(1, (await CommandAsync(shop, "--orders", "5", "--mix", "declined")).ExitCode);
    }

    [Fact]
    public async Task Should_give_up_a_shop_that_dies_with_orders_under_way()
    {
        var (followed, died) = (0, new TaskCompletionSource());
        await using var shop = await PretendedShop.OpenAsync(ends: async (_, ct) =>
        {
            if (Interlocked.Increment(ref followed) == 5)
                died.SetResult();
            await Task.Delay(Timeout.Infinite, ct);
            return "";
        });
        var dying = DieAsync();
        var (totals, going) = await RunAsync(shop, "--orders", "20", "--in-flight", "20", "--patience", "2s");
        await dying;
        Assert.False(going);
        Assert.Empty(totals.Ended);
        Assert.Equal(20, totals.Accepted.Count + totals.Failed);
        Assert.InRange(totals.NotAtRest, 5, 20);
        Assert.All(totals.Errors.Keys, e => Assert.StartsWith("HTTP: ", e, StringComparison.Ordinal));

        async Task DieAsync()
        {
            await died.Task;
            await shop.DieAsync();
        }
    }

    [Fact]
    public async Task Should_say_that_there_is_no_shop()
    {
        using var http = new HttpClient { BaseAddress = new Uri("http://127.0.0.1:1") };
        var run = new LoadRun(When_orders_are_mixed.Plan(), http, new EventEnds(http, TimeProvider.System), TimeProvider.System);
        Assert.StartsWith("No shop answers at http://127.0.0.1:1/ (HTTP: ConnectionError)", (await Assert.ThrowsAsync<CommandException>(() => run.TryAsync(Ct))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_report_what_was_done_when_it_is_interrupted()
    {
        using var seen = new SemaphoreSlim(0);
        await using var shop = await PretendedShop.OpenAsync(ends: async (_, ct) =>
        {
            if (seen.CurrentCount >= 5)
                await Task.Delay(Timeout.Infinite, ct);
            seen.Release();
            return "Complete";
        });
        using var load = Process.Start(new ProcessStartInfo("dotnet", [Support.Repository.Program, "load", "--url", $"{shop.Url}", "--orders", "50", "--warm-up", "0", "--in-flight", "1", "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        while (seen.CurrentCount < 5)
            await Task.Delay(20, Ct);
        // The sixth is on its way, and never ends.
        while (shop.Asked < 7)
            await Task.Delay(20, Ct);
        using (var kill = Process.Start("kill", ["-INT", $"{load.Id}"]))
            await kill.WaitForExitAsync(Ct);
        var (output, error) = (await load.StandardOutput.ReadToEndAsync(Ct), await load.StandardError.ReadToEndAsync(Ct));
        await load.WaitForExitAsync(Ct);
        Assert.Equal((130, ""), (load.ExitCode, error));
        var report = JsonElement.Parse(output);
        Assert.Equal("it was interrupted", report.GetProperty("cutShort").GetString());
        Assert.Equal((6, 5, 1), (report.GetProperty("orders").GetProperty("accepted").GetInt32(), report.GetProperty("orders").GetProperty("ended").GetInt32(), report.GetProperty("orders").GetProperty("notAtRest").GetInt32()));
    }

    internal static Task<Support.Command> CommandAsync(PretendedShop shop, params string[] args) =>
        Support.Command.RunAsync(Path.GetTempPath(), ["load", "--url", $"{shop.Url}", "--warm-up", "0", .. args], Ct);

    private static Task<(Totals Totals, bool Going)> RunAsync(PretendedShop shop, params string[] args) => RunAsync(shop, TimeProvider.System, args);

    private static async Task<(Totals Totals, bool Going)> RunAsync(PretendedShop shop, TimeProvider time, params string[] args)
    {
        var plan = When_orders_are_mixed.Plan(args);
        using var http = new HttpClient { BaseAddress = shop.Url };
        var (run, tally) = (new LoadRun(plan, http, new EventEnds(http, time), time), new Tally(time));
        var going = await run.RunAsync(tally, plan.Count, plan.Time, Ct);
        return (tally.Read(), going);
    }

    /// <summary>A clock that is asked for the first few times at once, and then not for a while: as of a machine that stood still.</summary>
    private sealed class Asleep(TimeSpan span) : TimeProvider
    {
        private int asked;

        // By then the orders have their times: they are due 1 ms after each other.
        public override long GetTimestamp() => System.GetTimestamp() + (Interlocked.Increment(ref asked) > 12 ? (long)(span.TotalSeconds * TimestampFrequency) : 0);
    }
}
