using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>
/// The faces that others rely on, walked from one to the next in a shop with nothing configured but Development: each is there, by its
/// promised name and with its promised members. How each behaves in trouble is told by tests of their own.
/// </summary>
public sealed class When_the_public_faces_are_walked : IAsyncLifetime
{
    private static readonly string[] States =
    [
        "Pending", "OrderCreated", "InventoryReserved", "PriceFrozen", "GiftWrapped", "FraudChecked", "PaymentCharged", "ShipmentCreated", "Complete", "Compensating", "Compensated", "Failed",
    ];

    private Place place = null!;
    private Shop shop = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        place = await Place.OfAsync("embedded");
        shop = await Shop.StartAsync(place, Ct, more: ["--environment", "Development"]);
    }

    public async ValueTask DisposeAsync()
    {
        await shop.DisposeAsync();
        await place.DisposeAsync();
    }

    [Fact]
    public async Task Should_take_an_order_show_it_and_tell_its_end()
    {
        using var placed = await shop.PlaceAsync(Shop.Order(price: 3.99m), key: "walk-1", ct: Ct);
        var order = await BodyAsync(placed, HttpStatusCode.Accepted);
        var id = order.GetProperty("orderId").GetGuid();
        Assert.Equal($"/orders/{id}", placed.Headers.Location!.OriginalString);
        Assert.NotNull(placed.Headers.RetryAfter);
        Assert.Equal(["orderId", "status", "state", "reason", "total", "currency", "startedAt", "updatedAt", "endedAt", "steps"], order.EnumerateObject().Select(p => p.Name));
        Assert.Equal(id, (await shop.ReadAsync(id, Ct)).GetProperty("orderId").GetGuid());

        using var again = await shop.PlaceAsync(Shop.Order(price: 3.99m), wait: 20, key: "walk-1", ct: Ct);
        var complete = await BodyAsync(again, HttpStatusCode.Created);
        Assert.Equal((id, "Completed", "Complete"), (complete.GetProperty("orderId").GetGuid(), complete.GetProperty("status").GetString(), complete.GetProperty("state").GetString()));
        Assert.Equal("true", again.Headers.GetValues("Idempotency-Replayed").Single());
        var step = complete.GetProperty("steps").EnumerateArray().First();
        Assert.Equal(["step", "status", "attempts", "askedAt", "answeredAt", "durationMs", "key"], step.EnumerateObject().Select(p => p.Name));
        Assert.Equal($"saga:{id}:CreateOrder", step.GetProperty("key").GetString());

        using var other = await shop.PlaceAsync(Shop.Order(quantity: 2, price: 3.99m), key: "walk-1", ct: Ct);
        Assert.Equal("idempotency-key-reused", (await ProblemAsync(other, HttpStatusCode.UnprocessableEntity)).GetProperty("type").GetString());

        using var refused = await shop.PlaceAsync(Shop.Order(token: "tok_declined"), wait: 20, ct: Ct);
        var why = await ProblemAsync(refused, HttpStatusCode.UnprocessableEntity);
        Assert.Equal(
            ("order-not-completed", "Compensated", "CARD_DECLINED", true),
            (why.GetProperty("type").GetString(), why.GetProperty("state").GetString(), why.GetProperty("reason").GetString(), why.GetProperty("compensated").GetBoolean()));
        Assert.Equal("Cancelled", (await shop.ReadAsync(why.GetProperty("orderId").GetGuid(), Ct)).GetProperty("status").GetString());

        using var read = await shop.Http.GetAsync(new Uri($"/orders/{id}", UriKind.Relative), Ct);
        using var unchanged = new HttpRequestMessage(HttpMethod.Get, $"/orders/{id}");
        unchanged.Headers.IfNoneMatch.Add(read.Headers.ETag!);
        using var same = await shop.Http.SendAsync(unchanged, Ct);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        using var unknown = await shop.Http.GetAsync(new Uri($"/orders/{Guid.NewGuid()}", UriKind.Relative), Ct);
        await ProblemAsync(unknown, HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.Conflict, await PostAsync($"/orders/{id}/cancel"));

        using var events = await shop.Http.GetAsync(new Uri($"/orders/{id}/events", UriKind.Relative), Ct);
        Assert.Equal("text/event-stream", events.Content.Headers.ContentType!.MediaType);
        var told = (await events.Content.ReadAsStringAsync(Ct)).Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal))
            .Select(line => JsonDocument.Parse(line[6..]).RootElement.GetProperty("state").GetString()).ToList();
        Assert.Equal("Complete", told[^1]);
        Assert.Subset(States.ToHashSet(), told.ToHashSet()!);
    }

    [Fact]
    public async Task Should_honour_every_kind_of_fault_and_undo_on_request()
    {
        foreach (var kind in new[] { "refuse", "throw", "silent", "late", "duplicate", "crash", "undo-throw", "undo-silent" })
        {
            // Accepted by name; they strike where the order does not come, after a refusal.
            using var placed = await shop.PlaceAsync(Shop.With($"CreateOrder refuse, CreateShipment {kind} 1"), wait: 20, ct: Ct);
            Assert.Equal("order-not-completed", (await ProblemAsync(placed, HttpStatusCode.UnprocessableEntity)).GetProperty("type").GetString());
        }

        using var waits = await shop.PlaceAsync(Shop.With("ChargePayment silent"), ct: Ct);
        var id = (await BodyAsync(waits, HttpStatusCode.Accepted)).GetProperty("orderId").GetGuid();
        while ((await shop.ReadAsync(id, Ct)).GetProperty("state").GetString() != "PriceFrozen")
            await Task.Delay(20, Ct);
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync($"/orders/{id}/cancel"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync($"/orders/{id}/cancel"));
        Assert.Equal("Compensated", (await shop.AtRestAsync(id, Ct)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task Should_refuse_clearly_and_store_nothing()
    {
        using var wrong = await shop.PlaceAsync(Shop.Order(quantity: 0), ct: Ct);
        Assert.True((await ProblemAsync(wrong, HttpStatusCode.BadRequest)).GetProperty("errors").TryGetProperty("lines[0].quantity", out _));
        using var large = await shop.Http.PostAsync(new Uri("/orders", UriKind.Relative), new StringContent($"\"{new string('x', 65 * 1024)}\"", Encoding.UTF8, "application/json"), Ct);
        await ProblemAsync(large, HttpStatusCode.RequestEntityTooLarge);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));
    }

    [Fact]
    public async Task Should_be_there_for_operators_services_and_machines()
    {
        using var placed = await shop.PlaceAsync(Shop.Order(), wait: 20, ct: Ct);
        var id = (await BodyAsync(placed, HttpStatusCode.Created)).GetProperty("orderId").GetGuid();
        foreach (var path in new[]
        {
            "/ops/orders?state=Complete&status=Completed&olderThan=0s&customer=c-1", $"/ops/orders/{id}", $"/ops/orders/{id}/step-log", "/ops/summary", "/ops/stuck", "/ops/audit", "/ops/reconciliation", "/ops/dead-letters", "/ops/alerts",
            "/health/live", "/health/ready", "/alive", "/health", "/openapi/v1.json", "/metrics",
            "/inventory/products/sku-apple", $"/gateway/charges?orderId={id}", $"/notification/sent?orderId={id}", $"/shipping/shipments/{id}",
        })
        {
            using var answer = await shop.Http.GetAsync(new Uri(path, UriKind.Relative), Ct);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(Ct)}");
        }

        foreach (var action in new[] { $"orders/{id}/pause", $"orders/{id}/resume", $"orders/{id}/cancel" })
            Assert.Contains(await PostAsync($"/ops/{action}"), new[] { HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.Conflict });
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync($"/ops/stuck/{Guid.NewGuid()}/ChargePayment/retry"));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync($"/ops/stuck/{Guid.NewGuid()}/ChargePayment/resolve", new { reason = "done by hand", evidence = "letter of May 4" }));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync($"/ops/dead-letters/{Guid.NewGuid()}/replay"));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync($"/ops/dead-letters/{Guid.NewGuid()}/discard", new { reason = "a test" }));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync($"/ops/alerts/{Guid.NewGuid()}/resend"));
        foreach (var many in new[] { "orders/pause", "orders/resume", "orders/cancel", "stuck/retry", "stuck/resolve", "dead-letters/replay", "dead-letters/discard" })
            Assert.Equal(HttpStatusCode.OK, await PostAsync($"/ops/{many}", new { all = true, dryRun = true, reason = "a look", evidence = "none" }));
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/ops/clock/advance", new { seconds = 60 }));
        using var stock = await shop.Http.PutAsJsonAsync("/inventory/products/sku-last/stock", new { onHand = 3 }, Ct);
        var level = await BodyAsync(stock, HttpStatusCode.OK);
        Assert.Equal((3, 0, 3), (level.GetProperty("onHand").GetInt32(), level.GetProperty("reserved").GetInt32(), level.GetProperty("available").GetInt32()));
    }

    private async Task<HttpStatusCode> PostAsync(string path, object? body = null)
    {
        using var answer = await shop.Http.PostAsync(new Uri(path, UriKind.Relative), body is null ? null : JsonContent.Create(body), Ct);
        return answer.StatusCode;
    }

    private static async Task<JsonElement> BodyAsync(HttpResponseMessage answer, HttpStatusCode expected)
    {
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.StatusCode == expected, $"{answer.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task<JsonElement> ProblemAsync(HttpResponseMessage answer, HttpStatusCode expected)
    {
        var problem = await BodyAsync(answer, expected);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal((int)expected, problem.GetProperty("status").GetInt32());
        Assert.All(["type", "title", "detail", "traceId"], member => Assert.NotEqual("", problem.GetProperty(member).GetString()));
        return problem;
    }
}
