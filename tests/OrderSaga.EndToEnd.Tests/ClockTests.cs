using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Stories;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>In Development nobody waits for time to pass: it is moved, for every role of every process, by the public API alone.</summary>
public class When_the_clock_of_a_shop_is_moved
{
    private static readonly string[] Development = ["--environment", "Development"];
    private static readonly string[] Undoable = ["CreateOrder", "ReserveInventory", "FreezePrice", "ChargePayment"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory, InlineData("embedded"), InlineData("servers")]
    [Trait("Story", "O6")]
    public async Task Should_pass_a_minute_of_pauses_of_an_undo_that_never_succeeds(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        await using var fleet = await Fleet.StartAsync(place, Ct, Development);
        var watch = Stopwatch.StartNew();
        var order = await PlaceAsync(fleet.Web, Faults(("CreateShipment", "refuse"), ("ChargePayment", "undo-throw")));
        foreach (var (pause, attempts) in new[] { (2, 1), (4, 2), (8, 3), (16, 4), (32, 5) })
        {
            // It has broken so often when it waits, and it waits for its pause, no less.
            await UntilAsync(place, order, $"RefundPayment pausing {attempts}");
            Assert.Equal("undoing", StatusOf(await fleet.Web.ReadAsync(order, Ct), "ChargePayment"));
            await AdvanceAsync(fleet, pause);
        }

        var end = await fleet.Web.AtRestAsync(order, Ct);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(40));
        Assert.Equal(("Failed", "NeedsAttention"), (end.GetProperty("state").GetString(), end.GetProperty("status").GetString()));
        Assert.Equal("undone undone undone stuck", string.Join(' ', Undoable.Select(step => StatusOf(end, step))));
        Assert.InRange(end.GetProperty("endedAt").GetDateTimeOffset() - end.GetProperty("startedAt").GetDateTimeOffset(), TimeSpan.FromSeconds(62), TimeSpan.FromSeconds(62) + watch.Elapsed);
    }

    [Theory, InlineData("embedded"), InlineData("servers")]
    public async Task Should_give_back_what_a_slow_gateway_charges_after_the_order_gave_up(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        await using var fleet = await Fleet.StartAsync(place, Ct, Development);
        var order = await PlaceAsync(fleet.Web, Shop.Order(token: "tok_slow"));
        await UntilAsync(place, order, "ChargePayment awaiting 1");
        // The clock moves only while nothing else does: what a slow machine still works at is not late.
        await fleet.Web.AllRestAsync(place);
        Assert.Equal("STEP_SILENT", (await fleet.Web.ReadAsync(order, Ct)).GetProperty("reason").GetString());
        // It charges after all. A call that is under way while the clock is moved may lose its time, and is looked after like any other.
        for (var i = 0; (await ChargesAsync(fleet, order), await ViolationsAsync(fleet)) != ("refunded 3.99", 0); i++)
        {
            Assert.True(i < 60, $"The money does not go back: {await ChargesAsync(fleet, order)}, {await ViolationsAsync(fleet)} violations");
            await AdvanceAsync(fleet, 20);
        }

        await Books.AgreeAsync(place, Ct);
    }

    [Fact]
    public async Task Should_not_go_back_when_it_starts_again_and_say_what_is_wrong_with_a_move()
    {
        await using var place = await Place.OfAsync("embedded");
        await using (var shop = await Shop.StartAsync(place, Ct, more: Development))
        {
            foreach (var (body, status) in new[]
            {
                ("{}", 400), ("null", 400), ("[60]", 400), ("{\"seconds\":}", 400), ("{\"seconds\":null}", 400), ("{\"seconds\":\"60\"}", 400), ("{\"seconds\":0}", 400), ("{\"seconds\":0.0001}", 400),
                ("{\"seconds\":-60}", 400), ("{\"seconds\":604801}", 400), ("{\"seconds\":1e400}", 400), ("{\"seconds\":60,\"back\":true}", 400), ("{\"seconds\":1,\"seconds\":2}", 400), ("", 400),
            })
            {
                using var refused = await shop.Http.PostAsync(Advance, new StringContent(body, Encoding.UTF8, "application/json"), Ct);
                Assert.Equal((body, status, "application/problem+json"), (body, (int)refused.StatusCode, refused.Content.Headers.ContentType?.MediaType));
            }

            using var moved = await shop.Http.PostAsJsonAsync(Advance, new { seconds = 604800 }, Ct);
            var told = await moved.Content.ReadFromJsonAsync<JsonElement>(Ct);
            Assert.Equal((HttpStatusCode.OK, 604800, 1, 1), (moved.StatusCode, told.GetProperty("aheadSeconds").GetDouble(), told.GetProperty("processes").GetInt32(), told.GetProperty("moved").GetInt32()));
            Assert.Equal(0, await shop.StopAsync());
        }

        await using var again = await Shop.StartAsync(place, Ct, more: Development);
        using var response = await again.PlaceAsync(Shop.Order(), wait: 30, ct: Ct);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var started = (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("startedAt").GetDateTimeOffset();
        Assert.InRange(started - TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(7) - TimeSpan.FromMinutes(1), TimeSpan.FromDays(7));
    }

    [Fact]
    public async Task Should_be_nothing_to_call_outside_of_development()
    {
        await using var place = await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        using var response = await shop.Http.PostAsJsonAsync(Advance, new { seconds = 60 }, Ct);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM ops.clocks"));
    }

    private static Uri Advance { get; } = new("/ops/clock/advance", UriKind.Relative);

    private static async Task AdvanceAsync(Fleet fleet, int seconds)
    {
        using var response = await fleet.Web.Http.PostAsJsonAsync(Advance, new { seconds }, Ct);
        var moved = await response.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal((HttpStatusCode.OK, fleet.Shops.Count, fleet.Shops.Count), (response.StatusCode, moved.GetProperty("processes").GetInt32(), moved.GetProperty("moved").GetInt32()));
    }

    private static async Task<Guid> PlaceAsync(Shop shop, JsonElement order)
    {
        using var response = await shop.PlaceAsync(order, ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
    }

    private static JsonElement Faults(params (string Step, string Kind)[] faults)
    {
        var order = System.Text.Json.Nodes.JsonNode.Parse(Shop.Order().GetRawText())!;
        order["faults"] = new System.Text.Json.Nodes.JsonArray([.. faults.Select(f => new System.Text.Json.Nodes.JsonObject { ["step"] = f.Step, ["kind"] = f.Kind })]);
        return JsonSerializer.SerializeToElement(order);
    }

    private static string? StatusOf(JsonElement order, string step) =>
        order.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("step").GetString() == step).GetProperty("status").GetString();

    private static async Task<string> ChargesAsync(Fleet fleet, Guid order)
    {
        using var http = new HttpClient { BaseAddress = fleet.Gateway };
        return string.Join(", ", (await http.GetFromJsonAsync<JsonElement[]>($"/gateway/charges?orderId={order}", Ct))!.Select(c => $"{c.GetProperty("status")} {c.GetProperty("refunded")}"));
    }

    private static async Task<int> ViolationsAsync(Fleet fleet)
    {
        var books = await fleet.Web.Http.GetFromJsonAsync<JsonElement>("/ops/reconciliation?settled=0", Ct);
        Assert.Equal(JsonValueKind.Null, books.GetProperty("notChecked").ValueKind);
        return books.GetProperty("violations").GetInt32();
    }

    // What an order waits for, as its row says it.
    private static async Task UntilAsync(Place place, Guid order, string waits)
    {
        var now = "";
        for (var i = 0; now != waits; i++)
        {
            Assert.True(i < 600, $"It waits for: {now}");
            await Task.Delay(25, Ct);
            now = await place.ScalarAsync<string>($"SELECT concat_ws(' ', asked, phase, attempt) FROM checkout.order_state WHERE order_id = '{order}'");
        }
    }
}
