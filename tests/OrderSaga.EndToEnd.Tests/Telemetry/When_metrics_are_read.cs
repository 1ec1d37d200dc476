using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using OrderSaga.EndToEnd.Tests.House;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Telemetry;

[Collection(nameof(WatchedShop))]
public sealed partial class When_metrics_are_read(WatchedShop watched)
{
    private static readonly string[] Queues = ["order-state", "alerts", "orders", "inventory", "pricing", "payment", "shipping", "notification", "dead-letters"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_show_what_goes_on_by_the_names_that_alerts_and_dashboard_ask_for()
    {
        await watched.Shop.AtRestAsync(await watched.OrderAsync(Shop.Order(), Ct), Ct);
        await watched.Shop.AtRestAsync(await watched.OrderAsync(Shop.Order(token: "tok_declined"), Ct), Ct);
        await SlowOrderShowsAsync();

        // A stuck undo, a dead letter, and books that do not agree.
        var stuck = await watched.OrderAsync(Shop.With("CreateShipment refuse, ReserveInventory undo-throw"), Ct);
        await watched.Place.PublishAsync("submit-order", new { orderId = Guid.NewGuid(), lines = Array.Empty<object>() }, "SubmitOrder");
        await watched.Place.ScalarAsync<int>("INSERT INTO inventory.stock (product_id, on_hand, reserved) VALUES ('sku-lost', 1, 1); SELECT 1");
        for (var m = await watched.MetricsAsync(Ct); m["saga_stuck"].Values.SingleOrDefault() == 0 || m["saga_dead_letters"].Count == 0; m = await watched.MetricsAsync(Ct))
            await watched.AdvanceAsync(10, Ct); // its pauses go by
        await watched.Shop.AtRestAsync(stuck, Ct);
        await watched.AdvanceAsync(600, Ct);
        var metrics = await watched.MetricsShowAsync(m => m["saga_reconciliation_violations"].GetValueOrDefault("""{check="stock"}""") > 0 && m["saga_queue_consumers"].Count > 0, "books that do not agree", Ct);

        Assert.Equal(1, metrics["saga_stuck"][""]);
        Assert.True(metrics["saga_compensation_failures_total"]["""{service="inventory"}"""] >= 6);
        Assert.True(metrics["saga_compensations_total"]["""{service="pricing"}"""] >= 2);
        Assert.True(metrics["saga_step_duration_seconds_count"]["""{service="payment",step="ChargePayment"}"""] >= 2);
        Assert.True(metrics["saga_step_duration_seconds_count"]["""{service="orders",step="CancelOrder"}"""] >= 2);
        Assert.DoesNotContain(metrics["saga_step_duration_seconds_count"].Keys, k => k.Contains("unknown", StringComparison.Ordinal));
        Assert.True(metrics["saga_duration_seconds_count"]["""{ending="completed"}"""] >= 1);
        Assert.True(metrics["saga_duration_seconds_count"]["""{ending="compensated"}"""] >= 1);
        Assert.Equal(
            Queues.Select(q => $$"""{queue="{{q}}"}""").Order(),
            metrics["saga_queue_consumers"].Where(q => q.Value > 0).Select(q => q.Key).Order());
        Asked(metrics);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("a-key-for-those-who-look", HttpStatusCode.OK)]
    [InlineData("a-key-for-those-who-act", HttpStatusCode.OK)]
    public async Task Should_be_for_those_who_may_look(string? key, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (key is not null)
            request.Headers.Authorization = new("Bearer", key);
        using var answer = await watched.Shop.Http.SendAsync(request, Ct);
        Assert.Equal(expected, answer.StatusCode);
    }

    // One that is silent: nothing happens to it but that it is noticed, while its steps still have time.
    private async Task SlowOrderShowsAsync()
    {
        var before = await watched.MetricsAsync(Ct);
        Assert.Equal(0, before["saga_slow"][""]);
        var silent = await watched.OrderAsync(Shop.With("ReserveInventory silent"), Ct);
        await watched.MetricsShowAsync(m => m["saga_in_flight"]["""{state="OrderCreated"}"""] == 1, "an order that waits for its stock", Ct);
        await watched.AdvanceAsync(35, Ct);
        var slow = await watched.MetricsShowAsync(m => m["saga_slow"][""] == 1, "a slow order", Ct);
        Assert.InRange(slow["saga_oldest_seconds"][""], 35, 60);
        Assert.Equal("Processing", (await watched.Shop.ReadAsync(silent, Ct)).GetProperty("status").GetString());
        await watched.Shop.SaysAsync("\"EventId\":1101,", Ct);
        await watched.AdvanceAsync(30, Ct);
        Assert.Equal("Cancelled", (await watched.Shop.AtRestAsync(silent, Ct)).GetProperty("status").GetString());
        await watched.MetricsShowAsync(m => m["saga_slow"][""] == 0, "that none is slow any more", Ct);
        await watched.Shop.SaysAsync("\"EventId\":1102,", Ct);
    }

    // Both ways: what is asked for is there, with the labels that it is asked by, and what is there is asked for.
    private static void Asked(MetricsText metrics)
    {
        var panels = JsonDocument.Parse(Tree.Text("docker/monitoring/dashboard.json")).RootElement.GetProperty("panels").EnumerateArray().ToList();
        var shown = panels.SelectMany(p => p.GetProperty("targets").EnumerateArray()).Select(t => t.GetProperty("expr").GetString()!).ToList();
        var ruled = Rule.Matches(Tree.Text("docker/monitoring/alerts.yml")).Select(m => m.Groups["expr"].Value).ToList();
        Assert.InRange(ruled.Count, 10, 20);
        var asked = shown.Concat(ruled).SelectMany(e => Name.Matches(e), (e, m) => (Expr: e, Name: m.Value)).ToList();
        foreach (var (expr, name) in asked)
        {
            var (family, part) = metrics.Types.ContainsKey(name) ? (name, "") : (name[..name.LastIndexOf('_')], name[(name.LastIndexOf('_') + 1)..]);
            Assert.True(metrics.Types.TryGetValue(family, out var type), $"There is no {name}, which is asked for by {expr}");
            Assert.Equal(type == "histogram", part is "bucket" or "count" or "sum");
            Assert.Equal(type != "gauge", Regex.IsMatch(expr, $@"(rate|increase)\({name}\b"));
            var known = metrics.LabelsOf(family);
            Assert.All(By.Matches(expr).SelectMany(m => m.Groups["labels"].Value.Split(", ")), label => Assert.Contains(label, known));
            Assert.All(Regex.Matches(expr, $$"""{{name}}\{(?<label>\w+)!?="(?<value>\w+)"\}""").Where(m => m.Groups["label"].Value == "ending"),
                m => Assert.Contains(m.Groups["value"].Value, Enum.GetNames<Ends>().Select(n => n.ToLowerInvariant())));
        }

        Assert.Equal(metrics.Types.Keys.Order(), asked.Select(a => metrics.Types.ContainsKey(a.Name) ? a.Name : a.Name[..a.Name.LastIndexOf('_')]).Distinct().Order());
        // A rule says what helps.
        Assert.Equal(ruled.Count, Regex.Count(Tree.Text("docker/monitoring/alerts.yml"), "^          remedy: ", RegexOptions.Multiline));
    }

    private enum Ends
    {
        Completed,
        Compensated,
        Failed,
        Repaired,
    }

    [GeneratedRegex("^        expr: (?<expr>.+)$", RegexOptions.Multiline)]
    private static partial Regex Rule { get; }

    [GeneratedRegex(@"\bsaga_\w+")]
    private static partial Regex Name { get; }

    [GeneratedRegex(@"\bby \((?<labels>[^)]+)\)")]
    private static partial Regex By { get; }
}
