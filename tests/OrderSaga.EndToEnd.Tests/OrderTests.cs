using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>The shop as it comes, and on servers: every test once with nothing configured, once on RabbitMQ and PostgreSQL.</summary>
public class When_an_order_is_placed
{
    public static TheoryData<string> Places => ["embedded", "servers"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Should_end_as_the_customer_expects(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        await using var shop = await Shop.StartAsync(place, Ct);

        var complete = await EndOfAsync(shop, Shop.Order(quantity: 2, price: 3.99m), HttpStatusCode.Created);
        Assert.Equal("Complete", complete.GetProperty("state").GetString());
        Assert.Equal(7.98m, complete.GetProperty("total").GetDecimal());
        Assert.Equal("done done done skipped skipped done done done", Steps(complete));
        var id = complete.GetProperty("orderId").GetGuid();
        Assert.Contains($"saga:{id}:ChargePayment", complete.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("key").GetString()));

        var wrapped = await EndOfAsync(shop, Shop.Order(giftWrap: true), HttpStatusCode.Created);
        Assert.Equal("done done done done skipped done done done", Steps(wrapped));

        var declined = await EndOfAsync(shop, Shop.Order(token: "tok_declined"), HttpStatusCode.UnprocessableEntity);
        Assert.Equal(("order-not-completed", "Compensated", "CARD_DECLINED", true), Refusal(declined));
        var order = await shop.ReadAsync(declined.GetProperty("orderId").GetGuid(), Ct);
        Assert.Equal("undone undone undone skipped skipped refused waiting waiting", Steps(order));

        var empty = await EndOfAsync(shop, Shop.Order(product: "sku-none"), HttpStatusCode.UnprocessableEntity);
        Assert.Equal(("order-not-completed", "Compensated", "OUT_OF_STOCK", true), Refusal(empty));

        var dearer = await EndOfAsync(shop, Shop.Order(price: 1.00m), HttpStatusCode.UnprocessableEntity);
        Assert.Equal(("order-not-completed", "Compensated", "PRICE_CHANGED", true), Refusal(dearer));
        await Books.AgreeAsync(place, Ct);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Should_be_complete_in_under_a_second(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        await using var shop = await Shop.StartAsync(place, Ct);
        var shortest = TimeSpan.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var order = await EndOfAsync(shop, Shop.Order(), HttpStatusCode.Created);
            var took = order.GetProperty("endedAt").GetDateTimeOffset() - order.GetProperty("startedAt").GetDateTimeOffset();
            shortest = took < shortest ? took : shortest;
        }

        Assert.True(shortest < TimeSpan.FromSeconds(1), $"The fastest of five orders took {shortest}.");
    }

    [Theory]
    [MemberData(nameof(Places))]
    [Trait("Story", "O4")]
    public async Task Should_come_to_rest_though_the_process_is_killed(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        var orders = new List<Guid>();
        var tokens = new[] { "tok_visa", "tok_visa", "tok_visa", "tok_declined" };

        // Killed three times, each time with orders in every state; the last process lives.
        foreach (var accepted in new[] { 20, 30, 40 })
        {
            await using var shop = await Shop.StartAsync(place, Ct);
            while (orders.Count < accepted)
            {
                using var response = await shop.PlaceAsync(Shop.Order(token: tokens[orders.Count % tokens.Length]), ct: Ct);
                Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
                orders.Add((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid());
            }

            await shop.KillAsync();
        }

        await using var last = await Shop.StartAsync(place, Ct);
        for (var i = 0; i < orders.Count; i++)
        {
            var order = await last.AtRestAsync(orders[i], Ct);
            Assert.Equal(tokens[i % tokens.Length] == "tok_visa" ? "Complete" : "Compensated", order.GetProperty("state").GetString());
        }

        await Books.AgreeAsync(place, Ct);
        Assert.Equal(30 * 3.99m, await place.ScalarAsync<decimal>("SELECT sum(amount) FROM payment.charges WHERE status = 'CHARGED'"));
    }

    [Fact]
    public async Task Should_come_to_rest_though_the_broker_loses_everything()
    {
        // What is lost is asked again after a third of the step's time; a call of the gateway that was cut off, not before its lease is over.
        await using var place = await ServersPlace.MakeAsync("--Checkout:StepTime", "00:00:12", "--Checkout:StepTimes:ChargePayment", "00:00:36");
        await using var shop = await Shop.StartAsync(place, Ct);
        var orders = new List<Guid>();
        foreach (var accepted in new[] { 15, 30 })
        {
            while (orders.Count < accepted)
            {
                using var response = await shop.PlaceAsync(Shop.Order(), ct: Ct);
                Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
                orders.Add((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid());
            }

            await place.Broker.DeleteQueuesAsync();
        }

        foreach (var order in orders)
            Assert.Equal("Complete", (await shop.AtRestAsync(order, Ct)).GetProperty("state").GetString());
        Assert.NotEqual(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.saga_log WHERE status = 'asked again'"));
        await Books.AgreeAsync(place, Ct);
    }

    [Fact]
    public async Task Should_go_through_several_processes()
    {
        await using var place = await Place.OfAsync("servers");
        await using var services = await Shop.StartAsync(place, Ct, "orders,inventory,pricing,shipping,notification");
        await using var payment = await Shop.StartAsync(place, Ct, "payment");
        await using var orchestrator = await Shop.StartAsync(place, Ct, "orchestrator");
        await using var web = await Shop.StartAsync(place, Ct, "web");
        await EndOfAsync(web, Shop.Order(), HttpStatusCode.Created);
        await EndOfAsync(web, Shop.Order(token: "tok_declined"), HttpStatusCode.UnprocessableEntity);
        await Books.AgreeAsync(place, Ct);
    }

    [Fact]
    public async Task Should_not_be_undone_because_the_database_was_away()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        // Of some customers the database goes while their orders are stored, wherever that is just then.
        var (orders, twenty) = (new ConcurrentBag<Guid>(), new TaskCompletionSource());
        using var closing = new CancellationTokenSource();
        var customers = Enumerable.Range(0, 4).Select(_ => Task.Run(CustomerAsync, Ct)).ToList();
        await Task.WhenAny([twenty.Task, .. customers]);
        await place.DatabaseIsAwayAsync(true);
        using (var refused = await shop.PlaceAsync(Shop.Order(), ct: Ct))
            await IsAwayAsync(refused);
        await closing.CancelAsync();
        await Task.WhenAll(customers);

        // Longer than the retries of a message that is a fault after them.
        await Task.Delay(TimeSpan.FromSeconds(6), Ct);
        await place.DatabaseIsAwayAsync(false);
        foreach (var id in orders)
            Assert.Equal("Complete", (await shop.AtRestAsync(id, Ct)).GetProperty("state").GetString());
        await Books.AgreeAsync(place, Ct);

        async Task CustomerAsync()
        {
            while (!closing.IsCancellationRequested)
            {
                using var response = await shop.PlaceAsync(Shop.Order(), ct: Ct);
                if (response.IsSuccessStatusCode)
                    orders.Add((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid());
                else
                    await IsAwayAsync(response);
                if (orders.Count >= 20)
                    twenty.TrySetResult();
            }
        }

        async Task IsAwayAsync(HttpResponseMessage refused)
        {
            Assert.True(refused.StatusCode == HttpStatusCode.ServiceUnavailable, $"{refused.StatusCode} {await refused.Content.ReadAsStringAsync(Ct)}\n{shop.Output}");
            Assert.NotNull(refused.Headers.RetryAfter);
        }
    }

    [Fact]
    public async Task Should_reach_its_end_though_the_browser_was_closed()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct);
        using var closed = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var placing = shop.PlaceAsync(Shop.Order(), wait: 30, key: "closed", closed.Token);
        Guid? orderId = null;
        while (orderId is null)
        {
            await using var connection = await place.OpenAsync();
            await using var command = new Npgsql.NpgsqlCommand("SELECT order_id FROM checkout.order_state LIMIT 1", connection);
            orderId = (Guid?)await command.ExecuteScalarAsync(Ct);
        }

        await closed.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => (await placing).Dispose());
        var order = await shop.AtRestAsync(orderId.Value, Ct);
        Assert.Equal("Complete", order.GetProperty("state").GetString());
    }

    private static async Task<JsonElement> EndOfAsync(Shop shop, JsonElement order, HttpStatusCode expected)
    {
        using var response = await shop.PlaceAsync(order, wait: 30, ct: Ct);
        var body = await response.Content.ReadAsStringAsync(Ct);
        Assert.True(expected == response.StatusCode, $"{response.StatusCode}: {body}\n{shop.Output}");
        return JsonSerializer.Deserialize<JsonElement>(body);
    }

    private static string Steps(JsonElement order) => string.Join(' ', order.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("status").GetString()));

    private static (string?, string?, string?, bool) Refusal(JsonElement problem) =>
        (problem.GetProperty("type").GetString(), problem.GetProperty("state").GetString(), problem.GetProperty("reason").GetString(), problem.GetProperty("compensated").GetBoolean());
}
