using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

public sealed class When_a_client_talks_to_the_api(When_a_client_talks_to_the_api.OneShop one) : IClassFixture<When_a_client_talks_to_the_api.OneShop>
{
    private readonly Place place = one.Place;
    private readonly Shop shop = one.Shop;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_read_an_order_back_at_once()
    {
        using var placed = await shop.PlaceAsync(Shop.Order(), ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, placed.StatusCode);
        Assert.Equal("1", placed.Headers.RetryAfter?.ToString());
        using var read = await shop.Http.GetAsync(placed.Headers.Location, Ct);
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);

        var id = (await read.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
        await shop.AtRestAsync(id, Ct);
        using var again = await shop.Http.GetAsync(placed.Headers.Location, Ct);
        using var request = new HttpRequestMessage(HttpMethod.Get, placed.Headers.Location);
        request.Headers.IfNoneMatch.Add(again.Headers.ETag!);
        using var unchanged = await shop.Http.SendAsync(request, Ct);
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
    }

    [Fact]
    public async Task Should_get_one_order_for_one_key_however_often_it_clicks()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => shop.PlaceAsync(Shop.Order(), key: "click", ct: Ct)));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.Accepted, a.StatusCode));
        Assert.Single(answers.Select(a => a.Headers.Location!.ToString()).Distinct());
        Assert.Equal(19, answers.Count(a => a.Headers.Contains("Idempotency-Replayed")));

        using var other = await shop.PlaceAsync(Shop.Order(quantity: 2), key: "click", ct: Ct);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, other.StatusCode);
        Assert.Equal("idempotency-key-reused", (await other.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("type").GetString());
    }

    [Theory]
    [InlineData("""{ """, "")]
    [InlineData("""{ "currency": "EUR", "currency": "EUR" }""", "currency")]
    [InlineData("""{ "curency": "EUR" }""", "curency")]
    [InlineData("""{ "currency": 7 }""", "currency")]
    [InlineData("""{ "currency": "euro" }""", "currency")]
    [InlineData("""{ "lines": [ { "productId": "sku-apple", "quantity": 0 } ] }""", "lines[0].quantity")]
    [InlineData("""{ "lines": [ { "productId": "sku-apple", "quantity": 1e99 } ] }""", "lines[0].quantity")]
    [InlineData("""{ "lines": [ { "productId": "sku-apple", "quantity": 1, "unitPrice": 1.005 } ] }""", "lines[0].unitPrice")]
    [InlineData("""{ "lines": [ null ] }""", "lines[0].productId")]
    [InlineData("""{ "lines": [] }""", "lines")]
    [InlineData("""{ "customer": { "id": "c", "email": "nobody" } }""", "customer.email")]
    [InlineData("""{ "payment": { "token": "4111 1111 1111 1111" } }""", "payment.token")]
    public async Task Should_be_told_which_field_is_wrong(string body, string field)
    {
        var before = await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state");
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await shop.Http.PostAsync(new Uri("/orders", UriKind.Relative), content, Ct);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
        Assert.NotEqual(JsonValueKind.Undefined, problem.GetProperty("traceId").ValueKind);
        Assert.Equal(before, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));
    }

    [Fact]
    public async Task Should_get_a_problem_for_everything_else_that_is_wrong()
    {
        await ExpectAsync(HttpStatusCode.NotFound, HttpMethod.Get, $"/orders/{Guid.NewGuid()}");
        await ExpectAsync(HttpStatusCode.NotFound, HttpMethod.Get, "/orders/seven");
        await ExpectAsync(HttpStatusCode.MethodNotAllowed, HttpMethod.Delete, "/orders");
        await ExpectAsync(HttpStatusCode.UnsupportedMediaType, HttpMethod.Post, "/orders", new StringContent("hello"));
        await ExpectAsync(HttpStatusCode.RequestEntityTooLarge, HttpMethod.Post, "/orders", new StringContent(new string(' ', 70_000) + "{}", Encoding.UTF8, "application/json"));
        await ExpectAsync(HttpStatusCode.Forbidden, HttpMethod.Post, "/orders", new StringContent("""{ "faults": [] }""", Encoding.UTF8, "application/json"));
    }

    [Fact]
    public async Task Should_see_what_there_is_and_change_it_only_where_operators_may()
    {
        var product = await shop.Http.GetFromJsonAsync<JsonElement>("/inventory/products/sku-none", Ct);
        Assert.Equal((0, 0), (product.GetProperty("onHand").GetInt32(), product.GetProperty("available").GetInt32()));
        // Nobody says that this is Development.
        await ExpectAsync(HttpStatusCode.Forbidden, HttpMethod.Put, "/inventory/products/sku-none/stock", JsonContent.Create(new { onHand = 1 }));

        await using var servers = await Place.OfAsync("servers");
        await using var inventory = await Shop.StartAsync(servers, Ct, "inventory,web", "--environment", "Development");
        using var set = await inventory.Http.PutAsJsonAsync("/inventory/products/sku-none/stock", new { onHand = 1 }, Ct);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        Assert.Equal(1, (await set.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("available").GetInt32());
    }

    [Fact]
    public async Task Should_find_it_alive_and_ready()
    {
        foreach (var path in new[] { "/health/live", "/alive", "/health/ready", "/health" })
            Assert.Equal("Healthy", (await shop.Http.GetFromJsonAsync<JsonElement>(path, Ct)).GetProperty("status").GetString());
    }

    private async Task ExpectAsync(HttpStatusCode status, HttpMethod method, string path, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var response = await shop.Http.SendAsync(request, Ct);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    public sealed class OneShop : IAsyncLifetime
    {
        internal Place Place { get; private set; } = null!;

        internal Shop Shop { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Place = await Place.OfAsync("embedded");
            Shop = await Shop.StartAsync(Place, Ct);
        }

        public async ValueTask DisposeAsync()
        {
            await Shop.DisposeAsync();
            await Place.DisposeAsync();
        }
    }
}
