using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
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
    public async Task Should_have_a_step_done_by_a_service_in_any_language()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct, roles: "orchestrator,web,orders,inventory,pricing,payment,notification");
        using var placed = await shop.PlaceAsync(Shop.Order(), ct: Ct);
        var id = (await placed.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();

        // The service for parcels: it reads the queue that was there before it, does its work, and says so.
        JsonElement? taken = null;
        await UntilAsync(async () => (taken = await place.Broker.TakeAsync("shipping")) is not null);
        var command = JsonDocument.Parse(taken!.Value.GetProperty("payload").GetString()!).RootElement;
        Assert.Equal("urn:message:OrderSaga.Contracts:CreateShipment", command.GetProperty("messageType")[0].GetString());
        Assert.Equal(id, command.GetProperty("message").GetProperty("orderId").GetGuid());
        Assert.Equal(id.ToString(), taken.Value.GetProperty("properties").GetProperty("headers").GetProperty("saga-id").GetString());
        Assert.Equal($"saga:{id}:CreateShipment", taken.Value.GetProperty("properties").GetProperty("headers").GetProperty("idempotency-key").GetString());
        await place.PublishAsync("shipment-created", new { orderId = id, labelNumber = "L-1" }, "ShipmentCreated");

        Assert.Equal("Complete", (await shop.AtRestAsync(id, Ct)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task Should_find_no_card_number_that_was_submitted()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        await place.PublishAsync("submit-order", new { orderId = Guid.NewGuid(), currency = "EUR", payment = new { token = "4111-1111-1111-1111" } }, "SubmitOrder");
        await UntilAsync(async () => await place.ScalarAsync<long>("SELECT count(*) FROM ops.dead_letters WHERE cause = 'CardNumberException' AND error LIKE '%payment.token%'") == 1);
        // What cannot be read at all, and what nobody knows, is not kept with one either.
        await place.PublishAsync("submit-order", new { orderId = Guid.NewGuid(), lines = "none", payment = new { token = "4111 1111 1111 1111" } }, "SubmitOrder");
        await place.PublishAsync("submit-order", new { orderId = Guid.NewGuid(), payment = new { token = "4111111111111111" } }, "SomethingElse");
        await UntilAsync(async () => await place.ScalarAsync<long>("SELECT count(*) FROM ops.dead_letters") == 3);
        Assert.DoesNotMatch("1111[ -]?1111", await place.ScalarAsync<string>("SELECT string_agg(convert_from(body, 'UTF8') || headers || error || coalesce(details, ''), ' ') FROM ops.dead_letters"));
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));
        Assert.DoesNotMatch("1111[ -]?1111", shop.Output);
    }

    [Fact]
    public async Task Should_find_refused_what_http_refuses_with_the_same_fields_named()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        List<(string Id, string Says)> sent = [];
        foreach (var bad in BadInput.OfBusiness())
            sent.Add((await SubmitAsync(place, Encoding.UTF8.GetString(bad.Body)), bad.Field!));
        // What cannot be read as a submission at all, and one that is nobody's.
        foreach (var quantity in new[] { "\"two\"", "1.5", "99999999999" })
            sent.Add((await SubmitAsync(place, Encoding.UTF8.GetString(BadInput.With("lines[0].quantity", quantity))), "lines[0].quantity"));
        sent.Add((await SubmitAsync(place, BadInput.Order().ToJsonString(), id: null), "orderId: "));

        await UntilAsync(async () => await place.ScalarAsync<long>("SELECT count(*) FROM ops.dead_letters") == sent.Count);
        var letters = (await place.ScalarAsync<string>("SELECT string_agg(replace(message_id || ' ' || cause || ' ' || error, E'\n', ' '), E'\n') FROM ops.dead_letters")).Split('\n').ToDictionary(l => l[..36], l => l[37..]);
        Assert.All(sent, s => Assert.Contains(s.Says, letters[s.Id], StringComparison.Ordinal));
        Assert.DoesNotMatch("1111[ -]?1111", string.Join('\n', letters.Values));
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT (SELECT count(*) FROM checkout.order_state) + (SELECT count(*) FROM checkout.saga_log)"));

        // A price that is written otherwise is the same price: an order again, not another one.
        var id = Guid.NewGuid();
        await SubmitAsync(place, BadInput.Order().ToJsonString(), $"{id}");
        await shop.AtRestAsync(id, Ct);
        await SubmitAsync(place, BadInput.Order().ToJsonString().Replace("3.99", "3.9900", StringComparison.Ordinal), $"{id}");
        await UntilAsync(async () => await place.ScalarAsync<long>($"SELECT count(*) FROM checkout.saga_log WHERE order_id = '{id}' AND status = 'ignored'") == 1);
        Assert.Equal(sent.Count, await place.ScalarAsync<long>("SELECT count(*) FROM ops.dead_letters"));
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

    // The id of the message that brought it.
    private static async Task<string> SubmitAsync(ServersPlace place, string json, string? id = "new")
    {
        var (message, order) = (Guid.NewGuid(), JsonNode.Parse(json)!.AsObject());
        order.Remove("faults"); // travels as a header here
        if (id is not null)
            order["orderId"] = id == "new" ? $"{Guid.NewGuid()}" : id;
        await place.Broker.PublishAsync("submit-order", order.ToJsonString(), new Dictionary<string, string> { ["MT-MessageType"] = "urn:message:OrderSaga.Contracts:SubmitOrder" }, message);
        return $"{message}";
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
