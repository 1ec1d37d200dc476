using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>An outage that lasts longer than an order may take turns none of them back.</summary>
public class When_an_outage_lasts
{
    private const int Orders = 12;
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Dropping")]
    [InlineData("Hanging")]
    public async Task Should_go_on_where_it_was_when_the_broker_is_back(string how)
    {
        await using var place = await ServersPlace.MakeAsync();
        using var wire = place.WireToBroker();
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--environment", "Development", .. place.Through(broker: wire)]);

        // Some wait for an answer that is lost with the broker, the others are accepted while it is away.
        var ids = await PlaceAsync(shop, "ReserveInventory silent 1");
        await UntilAsync(place, "SELECT count(*) FROM checkout.order_state WHERE asked = 'ReserveInventory'", Orders);
        wire.Be(Enum.Parse<Wire.State>(how));
        ids.AddRange(await PlaceAsync(shop, "ReserveInventory duplicate 1"));
        await shop.SaysAsync("No answer can be heard", Ct);
        for (var i = 0; i < 10; i++)
            await PassAsync(shop, TimeSpan.FromMinutes(1));
        Assert.Equal(2 * Orders, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE asked IS NOT NULL"));

        wire.Be(Wire.State.Mended);
        await shop.SaysAsync("Answers are heard again", Ct);
        await CompleteAsync(place, shop, ids);
        await Books.AgreeAsync(place, Ct);
    }

    [Fact]
    public async Task Should_go_on_where_it_was_when_the_database_of_a_service_is_back()
    {
        await using var place = await ServersPlace.MakeAsync();
        await using var stock = await TestDatabase.CreateAsync();
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--environment", "Development", "--Database:inventory:ConnectionString", stock.ConnectionString]);
        await stock.IsAwayAsync(true);
        var ids = await PlaceAsync(shop, "ReserveInventory duplicate 1");
        await UntilAsync(place, "SELECT count(*) FROM checkout.outages WHERE service = 'inventory'", 1);
        // Longer than the time of an order, a minute at a time; it is said again in between.
        for (var i = 0; i < 6; i++)
        {
            var until = await place.ScalarAsync<DateTime>("SELECT max(until) FROM checkout.outages");
            await PassAsync(shop, TimeSpan.FromMinutes(1));
            await UntilAsync(place, $"SELECT count(*) FROM checkout.outages WHERE until >= '{until:O}'::timestamptz + interval '1 minute'", 1, shop);
        }

        await stock.IsAwayAsync(false);
        await CompleteAsync(place, shop, ids);
    }

    private static async Task CompleteAsync(Place place, Shop shop, List<Guid> ids)
    {
        foreach (var id in ids)
            Assert.Equal("Complete", (await shop.AtRestAsync(id, Ct)).GetProperty("state").GetString());
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.saga_log WHERE status IN ('silent', 'out of time', 'faulted', 'stuck')"));
    }

    private static async Task<List<Guid>> PlaceAsync(Shop shop, string plan)
    {
        List<Guid> ids = [];
        for (var i = 0; i < Orders; i++)
        {
            using var response = await shop.PlaceAsync(Shop.With(plan), ct: Ct);
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
            ids.Add((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid());
        }

        return ids;
    }

    private static async Task UntilAsync(Place place, string count, long wanted, Shop? shop = null)
    {
        for (var i = 0; await place.ScalarAsync<long>(count) != wanted; i++)
        {
            Assert.True(i < 400, $"It does not become {wanted}: {count}\n{shop?.Output}");
            await Task.Delay(50, Ct);
        }
    }

    private static async Task PassAsync(Shop shop, TimeSpan time)
    {
        using var response = await shop.Http.PostAsJsonAsync("/ops/clock/advance", new { seconds = (int)time.TotalSeconds }, Ct);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }
}
