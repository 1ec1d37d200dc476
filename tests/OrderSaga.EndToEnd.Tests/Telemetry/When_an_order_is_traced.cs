using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Telemetry;

public sealed class When_an_order_is_traced : IAsyncLifetime
{
    private const string Services = "orders,inventory,pricing,payment,shipping,notification", Client = "b7ad6b7169203331";
    private static readonly string[] Development = ["--environment", "Development"];

    private Collector collector = null!;
    private ServersPlace place = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => (collector, place) = (await Collector.StartAsync(Ct), await ServersPlace.MakeAsync());

    public async ValueTask DisposeAsync()
    {
        await place.DisposeAsync();
        await collector.DisposeAsync();
    }

    /// <summary>From the client's own span over HTTP, messages, databases and the gateway, which is the shop's simulator here.</summary>
    [Fact]
    public async Task Should_be_one_trace_with_the_order_on_every_span_in_one_process()
    {
        await using var shop = await Shop.StartAsync(place, Ct, roles: null, collector.Arguments);
        var (order, trace) = await PlaceAsync(shop, Shop.Order());
        await shop.AtRestAsync(order, Ct);
        var spans = await WholeAsync(order, trace, s => s.Name.StartsWith("notification ", StringComparison.Ordinal));
        Assert.Equal(["MassTransit", "Microsoft.AspNetCore", "Npgsql", "System.Net.Http"], spans.Select(s => s.Scope).Distinct().Where(s => !s.StartsWith("OrderSaga", StringComparison.Ordinal)).Order());
        Assert.Equal(2, spans.Count(s => s.Scope == "Microsoft.AspNetCore")); // the shop's, and the gateway's
        Assert.Contains("saga_started_total", collector.Metrics);
    }

    [Fact]
    public async Task Should_be_one_trace_over_two_processes_and_a_restart_of_one_and_tell_the_gateway_no_more_than_its_ids()
    {
        string[] arguments = [.. collector.Arguments, .. Development, "--Payment:GatewayUrl", collector.Address];
        await using var services = Shop.Launch(place, Services, arguments);
        await using var first = Shop.Launch(place, "orchestrator,web", arguments);
        await Task.WhenAll(services.ReadyAsync(Ct), first.ReadyAsync(Ct));
        var (order, trace) = await PlaceAsync(first, Shop.With("FreezePrice silent 1"));
        await SpanAsync(s => s.Trace == trace && s.Name.StartsWith("pricing ", StringComparison.Ordinal));
        await first.KillAsync();
        await using var second = await Shop.StartAsync(place, Ct, "orchestrator,web", arguments);
        // What was not heard is asked again when its time is up, from the row alone.
        for (var at = await second.ReadAsync(order, Ct); at.GetProperty("endedAt").ValueKind == JsonValueKind.Null; at = await second.ReadAsync(order, Ct))
            (await second.Http.PostAsJsonAsync("/ops/clock/advance", new { seconds = 5 }, Ct)).EnsureSuccessStatusCode().Dispose();

        Assert.Equal("Completed", (await second.ReadAsync(order, Ct)).GetProperty("status").GetString());
        var spans = await WholeAsync(order, trace, s => s.Name.StartsWith("notification ", StringComparison.Ordinal));
        Assert.Equal(3, spans.Select(s => s.Process).Distinct().Count());
        Assert.Contains(spans, s => s.Name == "go on");
        var call = Assert.Single(collector.Calls);
        Assert.StartsWith($"00-{trace}-", call["traceparent"], StringComparison.Ordinal);
        Assert.Empty(call.Keys.Intersect(["baggage", "correlation-context"]));
        Assert.DoesNotContain(call, h => h.Value.Contains("secret", StringComparison.Ordinal));
    }

    private static async Task<(Guid Order, string Trace)> PlaceAsync(Shop shop, JsonElement order)
    {
        var trace = Guid.NewGuid().ToString("n");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(order) };
        request.Headers.Add("traceparent", $"00-{trace}-{Client}-01");
        request.Headers.Add("baggage", "user=secret");
        request.Headers.Add("Idempotency-Key", trace);
        using var placed = await shop.Http.SendAsync(request, Ct);
        return ((await placed.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid(), trace);
    }

    // All spans of the trace, once the last one is there.
    private async Task<IReadOnlyList<Span>> WholeAsync(Guid order, string trace, Func<Span, bool> last)
    {
        await SpanAsync(s => s.Trace == trace && last(s));
        for (var (count, still) = (0, 0); still < 5; await Task.Delay(150, Ct))
            (count, still) = (collector.Spans.Count(s => s.Trace == trace), collector.Spans.Count(s => s.Trace == trace) == count ? still + 1 : 0);
        var spans = collector.Spans.Where(s => s.Trace == trace).ToList();
        Assert.Empty(spans.Where(s => s.Tags.GetValueOrDefault("saga.id") != $"{order}").Select(s => $"{s.Scope}: {s.Name}"));
        // A message belongs to no other trace; and no span hangs in the air but what died with its process.
        Assert.Empty(collector.Spans.Where(s => s.Trace != trace && s.Scope == "MassTransit" && s.Tags.GetValueOrDefault("saga.id") == $"{order}").Select(s => s.Name));
        Assert.Equal("POST /orders", spans.Single(s => s.Parent == Client).Name);
        // Whoever waits for an order or looks after the process is in no trace.
        Assert.DoesNotContain(collector.Spans, s => s.Name.Contains("health", StringComparison.Ordinal) || s.Name.Contains("still-there", StringComparison.Ordinal));
        return spans;
    }

    private async Task SpanAsync(Func<Span, bool> is_)
    {
        for (var patience = Stopwatch.StartNew(); !collector.Spans.Any(is_); await Task.Delay(50, Ct))
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), $"The span does not come; there are:\n{string.Join('\n', collector.Spans.Select(s => $"{s.Trace[..6]} {s.Scope} {s.Name}").Distinct())}");
    }
}
