using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>What other programs and operators meet at the broker.</summary>
public class When_others_look_at_the_broker
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_take_orders_in_plain_json_from_any_language()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        var id = Guid.NewGuid();
        var order = new
        {
            orderId = id,
            customer = new { id = "c-1", email = "a@example.org" },
            currency = "EUR",
            lines = new[] { new { productId = "sku-pear", quantity = 2 } },
            shippingAddress = new { name = "A", street = "B 1", city = "C", postalCode = "12345", country = "DE" },
            payment = new { token = "tok_visa" },
        };
        await place.PublishAsync("submit-order", order, "SubmitOrder");
        await UntilAsync(async () => await place.ScalarAsync<long>($"SELECT count(*) FROM checkout.order_state WHERE order_id = '{id}'") == 1);
        var end = await shop.AtRestAsync(id, Ct);
        Assert.Equal("Complete", end.GetProperty("state").GetString());
        Assert.Equal(4.98m, end.GetProperty("total").GetDecimal());

        // The same order again changes nothing; another under its id is no order, and is not swallowed.
        await place.PublishAsync("submit-order", order, "SubmitOrder");
        await UntilAsync(async () => await place.ScalarAsync<long>($"SELECT count(*) FROM checkout.saga_log WHERE order_id = '{id}' AND status = 'ignored'") == 1);
        await place.PublishAsync("submit-order", order with { currency = "USD" }, "SubmitOrder");
        await UntilAsync(async () => await place.ScalarAsync<long>($"SELECT count(*) FROM ops.dead_letters WHERE queue = 'order-state' AND cause = 'NotAcceptedException' AND message_type = 'SubmitOrder'") == 1);
        await Books.AgreeAsync(place, Ct);
    }

    [Fact]
    public async Task Should_find_no_card_number_that_was_submitted()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        await place.PublishAsync("submit-order", new { orderId = Guid.NewGuid(), currency = "EUR", payment = new { token = "4111-1111-1111-1111" } }, "SubmitOrder");
        await UntilAsync(async () => await place.ScalarAsync<long>("SELECT count(*) FROM ops.dead_letters WHERE cause = 'CardNumberException' AND error LIKE '%payment.token%'") == 1);
        Assert.DoesNotContain("1111", await place.ScalarAsync<string>("SELECT convert_from(body, 'UTF8') || headers || error || details FROM ops.dead_letters"), StringComparison.Ordinal);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));
        Assert.DoesNotContain("1111-1111", shop.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_put_aside_plain_json_that_names_no_contract()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        await place.PublishAsync("reserve-inventory", new { orderId = Guid.NewGuid(), lines = new[] { new { productId = "sku-apple", quantity = 1 } } }, contract: null);
        await UntilAsync(async () => await place.ScalarAsync<long>("SELECT count(*) FROM ops.dead_letters WHERE queue = 'inventory' AND error LIKE '%MT-MessageType%'") == 1);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM inventory.step_log"));
    }

    [Fact]
    public async Task Should_read_well()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        using var placed = await shop.PlaceAsync(Shop.Order(), wait: 30, ct: Ct);
        var queues = await place.Broker.QueuesAsync();
        foreach (var queue in new[] { "order-state", "alerts", "orders", "inventory", "pricing", "payment", "shipping", "notification" })
            Assert.Equal("quorum", Assert.Contains(queue, queues).GetProperty("type").GetString());
        var exchanges = await place.Broker.ExchangesAsync();
        Assert.All(["create-order", "order-created", "reserve-inventory", "charge-payment", "checkout-completed"], (string exchange) => Assert.Contains(exchange, exchanges));
        Assert.DoesNotContain(exchanges, e => e.Contains("OrderSaga", StringComparison.Ordinal));
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; !await holds(); i++)
        {
            Assert.True(i < 300, "It did not come to hold within 30 s.");
            await Task.Delay(100, Ct);
        }
    }
}
