using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_operators_set_the_level_of_stock(Shop shop) : IClassFixture<Shop>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_show_what_is_on_hand_reserved_and_available()
    {
        var product = await shop.StockAsync(10);
        await shop.AskAsync(new ReserveInventory(Guid.NewGuid(), [new(product, 3)]));

        Assert.Equal($$"""{"productId":"{{product}}","onHand":10,"reserved":3,"available":7}""", await shop.Http.GetStringAsync(At(product), Ct));
        var unknown = await ProblemAsync(await shop.Http.GetAsync(At("sku-unheard-of"), Ct), HttpStatusCode.NotFound);
        Assert.Equal("product-unknown", unknown.GetProperty("type").GetString());
    }

    [Fact]
    public async Task Should_set_it_up_and_down_to_what_is_reserved()
    {
        var product = await shop.StockAsync(10);
        await shop.AskAsync(new ReserveInventory(Guid.NewGuid(), [new(product, 3)]));

        foreach (var level in new[] { 25, 3, 3 })
        {
            using var set = await SetAsync(product, level);
            Assert.Equal(HttpStatusCode.OK, set.StatusCode);
            Assert.Equal(level - 3, (await set.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("available").GetInt64());
        }

        var problem = await ProblemAsync(await SetAsync(product, 2), HttpStatusCode.Conflict);
        Assert.Equal("stock-reserved", problem.GetProperty("type").GetString());
        Assert.Contains($"3 of {product} are held", problem.GetProperty("detail").GetString());
        Assert.Equal("3 3", await StockOfAsync(product));
    }

    [Fact]
    public async Task Should_put_a_new_product_on_the_shelf_once()
    {
        var product = $"sku {Guid.NewGuid():N}";

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => SetAsync(product, 5)));

        var created = Assert.Single(answers, a => a.StatusCode == HttpStatusCode.Created);
        Assert.Equal(At(product).ToString(), created.Headers.Location!.ToString());
        Assert.All(answers.Except([created]), a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        Assert.Equal("5 0", await StockOfAsync(product));
        Assert.IsType<InventoryReserved>((await shop.AskAsync(new ReserveInventory(Guid.NewGuid(), [new(product, 5)]))).Message);
    }

    [Theory]
    [InlineData("""{ "onHand": -1 }""", "onHand")]
    [InlineData("""{ "onHand": 1000000000001 }""", "onHand")]
    [InlineData("""{ "onHand": 1.5 }""", "onHand")]
    [InlineData("""{ "onHand": "5" }""", "onHand")]
    [InlineData("""{ "level": 5 }""", "level")]
    [InlineData("""{ }""", "onHand")]
    [InlineData("""{ """, "")]
    [InlineData("null", "")]
    public async Task Should_say_which_field_is_wrong(string body, string field)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        var problem = await ProblemAsync(await shop.Http.PutAsync(At("sku-never", "/stock"), content, Ct), HttpStatusCode.BadRequest);

        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
        Assert.Equal("", await StockOfAsync("sku-never"));
    }

    [Fact]
    public async Task Should_refuse_what_is_no_json_and_no_product()
    {
        using var text = new StringContent("5");
        await ProblemAsync(await shop.Http.PutAsync(At("sku-never", "/stock"), text, Ct), HttpStatusCode.UnsupportedMediaType);
        await ProblemAsync(await SetAsync(new string('x', 65), 5), HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("Development", "127.0.0.1", HttpStatusCode.OK)]
    [InlineData("Development", "::1", HttpStatusCode.OK)]
    [InlineData("Development", "::ffff:127.0.0.1", HttpStatusCode.OK)]
    [InlineData("Development", "192.0.2.1", HttpStatusCode.Forbidden)]
    [InlineData("Production", "127.0.0.1", HttpStatusCode.Forbidden)]
    public async Task Should_let_only_operators_do_it(string environment, string from, HttpStatusCode expected)
    {
        await using var other = await Shop.OpenAsync(new() { Environment = environment });
        var product = await other.StockAsync(1);
        other.Http.DefaultRequestHeaders.Add("Test-From", from);

        using var set = await other.Http.PutAsJsonAsync(At(product, "/stock"), new { onHand = 9 }, Ct);
        Assert.Equal(expected, set.StatusCode);
        using var read = await other.Http.GetAsync(At(product), Ct);
        Assert.Equal(expected == HttpStatusCode.OK ? 9 : 1, (await read.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("onHand").GetInt64());
    }

    private static async Task<JsonElement> ProblemAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        using (response)
        {
            Assert.Equal(expected, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Ct);
            Assert.NotEqual(JsonValueKind.Undefined, problem.GetProperty("traceId").ValueKind);
            return problem;
        }
    }

    private static Uri At(string product, string more = "") => new($"/inventory/products/{Uri.EscapeDataString(product)}{more}", UriKind.Relative);

    private Task<HttpResponseMessage> SetAsync(string product, long onHand) => shop.Http.PutAsJsonAsync(At(product, "/stock"), new { onHand }, Ct);

    private Task<string> StockOfAsync(string product) => shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'");
}
