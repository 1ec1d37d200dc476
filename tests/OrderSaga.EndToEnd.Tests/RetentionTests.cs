using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>A day, and three months, after their end: what everybody can still find out about orders, by the public faces.</summary>
public class When_orders_are_long_over
{
    private const int Day = 24 * 60 * 60;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_found_in_the_archive_until_they_are_forgotten()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--environment", "Development"]);
        var complete = await PlaceAsync(shop, Shop.Order(), HttpStatusCode.Created);
        var undone = await PlaceAsync(shop, Shop.Order(token: "tok_declined"), HttpStatusCode.UnprocessableEntity);
        Guid[] orders = [complete, undone];
        await UntilAsync(place, "SELECT count(*) FROM checkout.saga_log WHERE outgoing IS NOT NULL", 0);
        var before = await Task.WhenAll(orders.Select(id => ShownAsync(shop, id)));

        await AdvanceAsync(shop, Day + 60);
        await UntilAsync(place, "SELECT count(*) FROM checkout.order_archive", 2);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));
        await shop.SaysAsync("Archived 2 orders", Ct);
        Assert.Equal(before, await Task.WhenAll(orders.Select(id => ShownAsync(shop, id))));
        Assert.Equal([[], orders.Order()], await Task.WhenAll(ListAsync(shop, ""), ListAsync(shop, "?archived=true")));
        Assert.Equal(complete, await PlaceAsync(shop, Shop.Order(), HttpStatusCode.Created, replayed: true));
        Assert.Equal([HttpStatusCode.Conflict, HttpStatusCode.OK], await Task.WhenAll(orders.Select(id => CancelAsync(shop, id))));
        Assert.Equal(0, await ViolationsAsync(shop));
        await place.PublishAsync("submit-order", Submission(complete), "SubmitOrder");
        await UntilAsync(place, $"SELECT count(*) FROM ops.dead_letters WHERE cause = 'ArchivedException' AND error LIKE '%{complete} came to rest as Complete on % and is archived%'", 1);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));

        for (var week = 0; week < 13; week++)
            await AdvanceAsync(shop, 7 * Day);
        await UntilAsync(place, "SELECT (SELECT count(*) FROM checkout.order_archive) + (SELECT count(*) FROM checkout.saga_log)", 0);
        foreach (var id in orders)
        {
            using var gone = await shop.Http.GetAsync($"/orders/{id}", Ct);
            Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
        }

        // What the services keep of them is nobody's fault.
        Assert.Equal(0, await ViolationsAsync(shop));
        Assert.Equal(2, await place.ScalarAsync<long>("SELECT count(*) FROM orders.orders"));
        Assert.NotEqual(complete, await PlaceAsync(shop, Shop.Order(), HttpStatusCode.Created));
    }

    private static async Task<Guid> PlaceAsync(Shop shop, JsonElement order, HttpStatusCode expected, bool replayed = false)
    {
        using var response = await shop.PlaceAsync(order, wait: 30, key: $"key-{expected}", ct: Ct);
        Assert.Equal((expected, replayed), (response.StatusCode, response.Headers.Contains("Idempotency-Replayed")));
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
    }

    // As the customer sees it, with every change that it went through, and as operators do.
    private static async Task<string> ShownAsync(Shop shop, Guid id)
    {
        using var order = await shop.Http.GetAsync($"/orders/{id}", Ct);
        using var again = new HttpRequestMessage(HttpMethod.Get, $"/orders/{id}") { Headers = { IfNoneMatch = { order.Headers.ETag! } } };
        using var known = await shop.Http.SendAsync(again, Ct);
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        return string.Join('\n', await order.Content.ReadAsStringAsync(Ct), await shop.Http.GetStringAsync($"/orders/{id}/events", Ct),
            await shop.Http.GetStringAsync($"/ops/orders/{id}", Ct), await shop.Http.GetStringAsync($"/ops/orders/{id}/step-log", Ct));
    }

    private static async Task<IEnumerable<Guid>> ListAsync(Shop shop, string filter) =>
        [.. (await shop.Http.GetFromJsonAsync<JsonElement>($"/ops/orders{filter}", Ct)).GetProperty("orders").EnumerateArray().Select(o => o.GetProperty("orderId").GetGuid()).Order()];

    private static async Task<HttpStatusCode> CancelAsync(Shop shop, Guid id)
    {
        using var response = await shop.Http.PostAsync($"/orders/{id}/cancel", null, Ct);
        return response.StatusCode;
    }

    private static async Task<int> ViolationsAsync(Shop shop) => (await shop.Http.GetFromJsonAsync<JsonElement>("/ops/reconciliation?settled=0", Ct)).GetProperty("violations").GetInt32();

    private static object Submission(Guid id) => new
    {
        orderId = id,
        customer = new { id = "c-1", email = "a@example.org" },
        currency = "EUR",
        lines = new[] { new { productId = "sku-apple", quantity = 1 } },
        shippingAddress = new { name = "A", street = "B 1", city = "C", postalCode = "12345", country = "DE" },
        payment = new { token = "tok_visa" },
        giftWrap = false,
    };

    private static async Task AdvanceAsync(Shop shop, int seconds)
    {
        using var response = await shop.Http.PostAsJsonAsync("/ops/clock/advance", new { seconds }, Ct);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static async Task UntilAsync(Place place, string count, long expected)
    {
        for (var i = 0; await place.ScalarAsync<long>(count) != expected; i++)
        {
            Assert.True(i < 600, $"It does not become {expected}: {count}");
            await Task.Delay(50, Ct);
        }
    }
}
