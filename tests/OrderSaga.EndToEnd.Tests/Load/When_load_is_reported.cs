using System.Text.Json;
using System.Text.RegularExpressions;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host.Commands;
using OrderSaga.Host.Commands.Load;

namespace OrderSaga.EndToEnd.Tests.Load;

/// <summary>The command as it is used, against shops that are pretended; and its reports for people, programs and browsers.</summary>
public sealed partial class When_load_is_reported : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ordersaga-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Should_tell_people_programs_and_browsers_the_same()
    {
        await using var shop = await PretendedShop.OpenAsync(ends: (order, _) => Task.FromResult(order.GetProperty("payment").GetProperty("token").GetString() == "tok_visa" ? "Complete" : "Compensated"));
        var before = await RunAsync(shop, "--json", "--orders", "20");
        Assert.Equal((0, ""), (before.ExitCode, before.Error));
        File.WriteAllText(Path.Combine(folder, "before.json"), before.Output);

        var text = await RunAsync(shop, "--orders", "30", "--mix", "complete=2,declined=1", "--compare", "before.json", "--html", "load.html");
        Assert.Equal((0, ""), (text.ExitCode, text.Error));
        Assert.StartsWith("30 orders came to rest in ", text.Output, StringComparison.Ordinal);
        Assert.Matches("until accepted +30 ", text.Output);
        Assert.Matches("complete +Complete +[12]", text.Output);
        Assert.Matches(@"orders/s +[0-9.,]+ +[0-9.,]+ +[0-9.]+x", text.Output);
        Assert.Matches("orders: 20, now 30\n", text.Output);
        Assert.Contains("transactions and write-ahead log: it was not said where the shop's databases are", text.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("  bytes of write-ahead log", text.Output, StringComparison.Ordinal);

        var report = JsonElement.Parse(before.Output);
        foreach (var name in new[] { "machine", "settings", "ordersPerSecond", "latency", "intake", "endings", "course", "curve", "histogram", "notCounted" })
            Assert.True(report.TryGetProperty(name, out _), name);
        Assert.False(report.GetProperty("perOrder").TryGetProperty("walBytes", out _));
        Assert.Equal(20, report.GetProperty("histogram").EnumerateArray().Sum(b => b.GetProperty("orders").GetInt32()));
        ShouldStandAlone(File.ReadAllText(Path.Combine(folder, "load.html")));
    }

    [Fact]
    public async Task Should_fail_and_say_why_when_an_order_ends_otherwise_or_not_at_all()
    {
        await using var shop = await PretendedShop.OpenAsync((n, _) => Task.FromResult(n is 5 or 6 ? 503 : 202), (_, _) => Task.FromResult("Compensated"));
        var run = await RunAsync(shop, "--orders", "10", "--in-flight", "2", "--html", "load.html");
        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Contains("\nErrors:\n  2 x 503 It is broken.\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("8 orders came to rest otherwise than they were meant to", run.Output, StringComparison.Ordinal);
        Assert.Contains("2 orders brought an error.", File.ReadAllText(Path.Combine(folder, "load.html")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_that_a_shop_takes_no_orders()
    {
        await using var shop = await PretendedShop.OpenAsync((_, _) => Task.FromResult(403));
        var run = await RunAsync(shop);
        Assert.Equal((1, "", $"The shop at {shop.Url} takes no orders: 403 It is broken.\n"), (run.ExitCode, run.Output, run.Error));
    }

    [Theory]
    [InlineData("{}", "holds no figure of a report")]
    [InlineData("[1]", "holds no figure of a report")]
    [InlineData("not json", "is no JSON")]
    public void Should_not_compare_with_what_is_no_report(string content, string says)
    {
        var file = Path.Combine(folder, "before.json");
        File.WriteAllText(file, content);
        Assert.Contains(says, Assert.Throws<CommandException>(() => Comparison.Read(file)).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be read", Assert.Throws<CommandException>(() => Comparison.Read(file + ".not")).Message, StringComparison.Ordinal);
    }

    /// An older version's, or one that could not count: what it has is compared, and what it lacks is not known.
    [Fact]
    public void Should_compare_with_a_report_that_lacks_fields()
    {
        var file = Path.Combine(folder, "before.json");
        File.WriteAllText(file, """{ "ordersPerSecond": 50, "latency": { "p50": null }, "perOrder": "none", "curve": [1, { "percent": 50 }, { "percent": 50, "ms": 12 }], "settings": { "seed": 1 } }""");
        var comparison = Comparison.Read(file);
        var report = Report(100);
        Assert.Equal(
            [new("orders/s", 50, 100), new("latency p50 ms", null, 5), new("latency p95 ms", null, 5), new("latency p99 ms", null, 5), new("latency max ms", null, 5), new("CPU ms per order", null, 4)],
            comparison.With(report.Element));
        Assert.Equal(("2.00x", ""), (comparison.With(report.Element)[0].Ratio, comparison.With(report.Element)[1].Ratio));
        Assert.Contains("pace: not said, now <5 & more>", comparison.Differences(report.Element));
        ShouldStandAlone(ReportPage.Of(report with { Compared = comparison.With(report.Element) }, comparison));
    }

    /// Orders that were never counted are no reason to fall over, nor is one alone.
    [Fact]
    public void Should_draw_whatever_was_measured()
    {
        ShouldStandAlone(ReportPage.Of(Report(0), null));
        ShouldStandAlone(ReportPage.Of(Report(1), null));
        Assert.Contains("&lt;b&gt;", ReportPage.Of(Report(1), null), StringComparison.Ordinal);
        ShouldStandAlone(ReportPage.Of(Report(20_000), null));
    }

    private static LoadReport Report(int orders)
    {
        var ended = Enumerable.Range(1, orders).Select(n => new Ended("complete", "Complete", true, 1000.0 * n / orders, 5)).ToList();
        var (shop, me) = (new Consumer("shop <1>", 1), new Consumer("this program", 2));
        Reading Counted(double ms) => new(new Dictionary<Consumer, double> { [shop] = ms, [me] = 0 }, null, null, null, null);
        return LoadReport.Of(new(TimeSpan.FromSeconds(1), ended, [], new Dictionary<string, int> { ["<b>"] = 1 }, 0, 1, TimeSpan.Zero), Counted(0), Counted(4 * orders), 0, [],
            new Dictionary<string, string> { ["pace"] = "<5 & more>", ["seed"] = "1" }, DateTimeOffset.UnixEpoch);
    }

    // A browser reads it as it stands: nothing from elsewhere, all tags closed, texts as texts.
    private static void ShouldStandAlone(string page)
    {
        Assert.DoesNotMatch(Elsewhere, page);
        Assert.Contains("color-scheme:light dark", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", page, StringComparison.Ordinal);
        Assert.Contains("name=\"viewport\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
        Assert.DoesNotContain("∞", page, StringComparison.Ordinal);
        foreach (var element in new[] { "html", "head", "body", "main", "section", "svg", "table", "tr", "td", "p", "div", "style" })
            Assert.Equal(Regex.Count(page, $"<{element}[ >]"), Regex.Count(page, $"</{element}>"));
    }

    private Task<Command> RunAsync(PretendedShop shop, params string[] args) => Command.RunAsync(folder, ["load", "--url", $"{shop.Url}", "--warm-up", "0", .. args], Ct);

    [GeneratedRegex(@"src=|href=|url\(|@import|<script|<link|<img")]
    private static partial Regex Elsewhere { get; }
}
