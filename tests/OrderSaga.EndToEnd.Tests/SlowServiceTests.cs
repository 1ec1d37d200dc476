using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Services that take longer than their step has time, through the whole saga.</summary>
public class When_a_service_takes_its_time
{
    // Asked again after a second, were it not for the beats.
    private static readonly string[] Slowly =
        ["--Shipping:PackingTime", "00:00:08", "--Inventory:Pending", "Wait", "--Inventory:PendingTime", "00:01:00", "--Checkout:StepTime", "00:00:06"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("embedded"), InlineData("servers")]
    public async Task Should_be_waited_for_though_the_process_is_killed_meanwhile(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        Guid slow, waiting;
        await using (var first = await Shop.StartAsync(place, Ct, more: Slowly))
        {
            slow = await PlaceAsync(first, "sku-last");
            for (var i = 0; await place.ScalarAsync<long>("SELECT count(*) FROM shipping.shipments WHERE status = 'PACKING'") == 0; i++)
            {
                Assert.True(i < 200, first.Output);
                await Task.Delay(50, Ct);
            }

            // The other order wants what the first one holds until its parcel is there.
            waiting = await PlaceAsync(first, "sku-last");
            for (var i = 0; await place.ScalarAsync<long>("SELECT count(*) FROM inventory.reservations WHERE status = 'WAITING'") == 0; i++)
            {
                Assert.True(i < 200, first.Output);
                await Task.Delay(50, Ct);
            }

            await first.KillAsync();
        }

        await using var shop = await Shop.StartAsync(place, Ct, more: Slowly);
        var order = await shop.AtRestAsync(slow, Ct);
        Assert.Equal("Complete", order.GetProperty("state").GetString());
        var asks = order.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("step").GetString() == "CreateShipment").GetProperty("attempts").GetInt32();
        // With no broker, what is under way is asked for again at the start, by a process that may still be waking up.
        Assert.InRange(asks, 1, kind == "servers" ? 1 : 3);
        var other = await shop.AtRestAsync(waiting, Ct);
        Assert.Equal(("Compensated", "OUT_OF_STOCK"), (other.GetProperty("state").GetString(), other.GetProperty("reason").GetString()));

        var parcel = await shop.Http.GetFromJsonAsync<JsonElement>($"/shipping/shipments/{slow}", Ct);
        Assert.Equal("CREATED", parcel.GetProperty("status").GetString());
        foreach (var (id, notice) in new[] { (slow, "confirmation"), (waiting, "apology") })
            Assert.Equal(notice, Assert.Single((await shop.Http.GetFromJsonAsync<JsonElement>($"/notification/sent?orderId={id}", Ct)).EnumerateArray()).GetProperty("kind").GetString());
        await Books.AgreeAsync(place, Ct);
    }

    private static async Task<Guid> PlaceAsync(Shop shop, string product)
    {
        using var response = await shop.PlaceAsync(Shop.Order(product), ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
    }
}
