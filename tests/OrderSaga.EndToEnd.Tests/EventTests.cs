using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>What happens to an order is seen as it happens, and once.</summary>
public class When_an_order_is_followed
{
    // The first answer never comes, so nothing happens for twenty seconds.
    private const string Stands = """[{"step":"CreateOrder","kind":"silent"}]""";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_see_every_change_once_however_often_it_comes_back()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--Faults:Enabled", "true"]);
        foreach (var (faults, last) in new[] { ("[]", "Complete"), ("""[{"step":"CreateShipment","kind":"refuse"}]""", "Compensated"), ("""[{"step":"ChargePayment","kind":"throw"}]""", "Compensated") })
        {
            var id = await PlaceAsync(shop, faults);
            var live = await EventsAsync(shop, id, after: null);
            Assert.Equal(Enumerable.Range(1, live.Count), live.Select(e => e.Id));
            Assert.Equal("Pending", live[0].Data["state"]!.GetValue<string>());
            Assert.Equal(last, live[^1].Data["state"]!.GetValue<string>());
            Assert.All(live.SkipLast(1), e => Assert.Null(e.Data["endedAt"]));
            Assert.Equal(JsonNode.Parse((await shop.ReadAsync(id, Ct)).GetRawText())!.ToJsonString(), live[^1].Data.ToJsonString());
            if (last == "Complete")
                Assert.Equal(["Pending", "OrderCreated", "InventoryReserved", "PriceFrozen", "PaymentCharged", "ShipmentCreated", "Complete"], live.Select(e => e.Data["state"]!.GetValue<string>()));
            // What was told as it happened, and what is told later from the log, is the same.
            for (var after = 0; after < live.Count; after++)
                Assert.Equal(live.Skip(after).Select(e => (e.Id, e.Data.ToJsonString())), (await EventsAsync(shop, id, after)).Select(e => (e.Id, e.Data.ToJsonString())));
            using var nothingLeft = await OpenAsync(shop, id, live.Count);
            Assert.Equal(HttpStatusCode.NoContent, nothingLeft.StatusCode);
        }
    }

    [Fact]
    public async Task Should_see_what_another_process_does()
    {
        await using var place = await Place.OfAsync("servers");
        await using var others = await Shop.StartAsync(place, Ct, "orchestrator,orders,inventory,pricing,payment,shipping,notification");
        await using var web = await Shop.StartAsync(place, Ct, "web");
        var events = await EventsAsync(web, await PlaceAsync(web, faults: null), after: null);
        Assert.Equal("Complete", events[^1].Data["state"]!.GetValue<string>());
        Assert.Equal(Enumerable.Range(1, 7), events.Select(e => e.Id));
    }

    [Fact]
    public async Task Should_hear_that_it_is_still_there_and_make_room_when_it_leaves()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--Faults:Enabled", "true", "--Web:Heartbeat", "00:00:01", "--Web:EventStreams", "2"]);
        var id = await PlaceAsync(shop, Stands);
        using (var one = await OpenAsync(shop, id))
        using (var two = await OpenAsync(shop, id))
        {
            Assert.Equal("text/event-stream", one.Content.Headers.ContentType?.MediaType);
            Assert.Contains("no-store", one.Headers.CacheControl?.ToString(), StringComparison.Ordinal);
            Assert.Equal("no", Assert.Single(one.Headers.GetValues("X-Accel-Buffering")));
            using var lines = new StreamReader(await one.Content.ReadAsStreamAsync(Ct));
            List<string> heard = [];
            while (heard.Count(line => line == ":") < 2)
                heard.Add((await lines.ReadLineAsync(Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Ct))!);
            Assert.Equal(1, heard.Count(line => line.StartsWith("id: ", StringComparison.Ordinal)));

            using var third = await OpenAsync(shop, id);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, third.StatusCode);
            Assert.Equal("5", third.Headers.RetryAfter?.ToString());
            Assert.Equal("too-many-streams", (await third.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("type").GetString());
        }

        HttpResponseMessage? next = null;
        for (var patience = Stopwatch.StartNew(); next?.StatusCode != HttpStatusCode.OK; await Task.Delay(50, Ct))
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), "That the clients have left is not noticed.");
            next?.Dispose();
            next = await OpenAsync(shop, id);
        }

        // Nor does a stream that is open hold up the end of the process.
        var stop = Stopwatch.StartNew();
        Assert.Equal(0, await shop.StopAsync());
        Assert.True(stop.Elapsed < TimeSpan.FromSeconds(15), $"It took {stop.Elapsed} to stop.");
        next.Dispose();
    }

    [Fact]
    public async Task Should_bear_that_the_database_goes_away()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--Faults:Enabled", "true", "--Web:Heartbeat", "00:00:01"]);
        var id = await PlaceAsync(shop, """[{"step":"CreateOrder","kind":"silent","times":1}]""");
        using var stream = await OpenAsync(shop, id);
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync(Ct));
        await UntilAsync(lines, line => line == "id: 1");
        await place.DatabaseIsAwayAsync(true);
        await UntilAsync(lines, line => line == ":");
        await UntilAsync(lines, line => line == ":");
        await UntilAsync(lines, line => line == ":");
        await place.DatabaseIsAwayAsync(false);
        // Asked for again after twenty seconds, it goes on, and every change is heard of.
        for (var version = 2; version <= 8; version++)
            await UntilAsync(lines, line => line == string.Create(CultureInfo.InvariantCulture, $"id: {version}"));
        await UntilAsync(lines, line => line is null);
    }

    private static async Task UntilAsync(StreamReader lines, Func<string?, bool> heard)
    {
        string? line;
        do
        {
            line = await lines.ReadLineAsync(Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(60), Ct);
            Assert.False(line?.StartsWith("id: ", StringComparison.Ordinal) == true && !heard(line), $"{line} is not what comes next.");
        }
        while (!heard(line) && line is not null);
        Assert.True(heard(line), "The stream has ended.");
    }

    private static async Task<Guid> PlaceAsync(Shop shop, string? faults)
    {
        var order = JsonNode.Parse(Shop.Order(price: 3.99m).GetRawText())!;
        if (faults is not null)
            order["faults"] = JsonNode.Parse(faults);
        using var response = await shop.PlaceAsync(JsonSerializer.SerializeToElement(order), ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
    }

    private static async Task<HttpResponseMessage> OpenAsync(Shop shop, Guid id, int? after = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/orders/{id}/events");
        if (after is { } seen)
            request.Headers.Add("Last-Event-ID", seen.ToString(CultureInfo.InvariantCulture));
        return await shop.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
    }

    // All that comes until the stream ends.
    private static async Task<List<(int Id, JsonNode Data)>> EventsAsync(Shop shop, Guid id, int? after)
    {
        using var response = await OpenAsync(shop, id, after);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        List<(int, JsonNode)> events = [];
        foreach (var message in (await response.Content.ReadAsStringAsync(Ct)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(m => m.Contains("data: ", StringComparison.Ordinal)))
        {
            var fields = message.Split('\n').Select(line => line.Split(": ", 2)).ToDictionary(f => f[0], f => f[1]);
            events.Add((int.Parse(fields["id"], CultureInfo.InvariantCulture), JsonNode.Parse(fields["data"])!));
        }

        return events;
    }
}
