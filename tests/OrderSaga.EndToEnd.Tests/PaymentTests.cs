using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Messaging.Databases;
using OrderSaga.Services;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>What was really charged, by the gateway's own ledger, against what the shop believes.</summary>
public class When_money_is_taken
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("embedded"), InlineData("servers")]
    public async Task Should_stand_in_the_gateways_ledger_as_in_the_shops(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        await using var shop = await Shop.StartAsync(place, Ct);
        Assert.Contains("Payment gateway: a simulator", shop.Output, StringComparison.Ordinal);

        var charged = await EndOfAsync(shop, Shop.Order(quantity: 2), "Complete");
        Assert.Equal("7.98 EUR charged 0.00", await LedgerAsync(shop.Http, charged));
        Assert.Equal("7.98 EUR CHARGED", await ChargeAsync(place, charged));

        var stumbled = await EndOfAsync(shop, Shop.Order(token: "tok_error"), "Complete");
        Assert.Equal("3.99 EUR charged 0.00", await LedgerAsync(shop.Http, stumbled));
        Assert.Equal("3.99 EUR CHARGED", await ChargeAsync(place, stumbled));

        foreach (var token in new[] { "tok_declined", "tok_nobody_knows" })
        {
            var declined = await EndOfAsync(shop, Shop.Order(token: token), "Compensated");
            Assert.Equal("", await LedgerAsync(shop.Http, declined));
            Assert.Equal("", await ChargeAsync(place, declined));
        }

        await Books.AgreeAsync(place, Ct);
        Assert.DoesNotContain("tok_", shop.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_be_taken_by_the_gateway_that_is_configured_and_by_no_simulator()
    {
        await using var books = await TestDatabase.CreateAsync();
        await using var gateway = await GatewayAsync(books);
        await using var place = await ServersPlace.EmptyAsync("--Payment:GatewayUrl", gateway.Urls.Single());
        await using var shop = await Shop.StartAsync(place, Ct);
        var order = await EndOfAsync(shop, Shop.Order(), "Complete");
        await EndOfAsync(shop, Shop.Order(token: "tok_declined"), "Compensated");

        using var http = new HttpClient { BaseAddress = new(gateway.Urls.Single()) };
        Assert.Equal("3.99 EUR charged 0.00", await LedgerAsync(http, order));
        Assert.Equal("3.99 EUR CHARGED", await ChargeAsync(place, order));
        using var none = await shop.Http.GetAsync(new Uri($"/gateway/charges?orderId={order}", UriKind.Relative), Ct);
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'gateway'"));
        Assert.DoesNotContain("simulator", shop.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_not_hold_up_the_shop_that_is_stopped_in_the_middle_of_it()
    {
        await using var place = await Place.OfAsync("embedded");
        var orders = new List<Guid>();
        await using (var shop = await Shop.StartAsync(place, Ct))
        {
            while (orders.Count < 30)
            {
                using var response = await shop.PlaceAsync(Shop.Order(), ct: Ct);
                orders.Add((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid());
            }

            Assert.Equal(0, await shop.StopAsync().WaitAsync(TimeSpan.FromSeconds(10), Ct));
        }

        await using var next = await Shop.StartAsync(place, Ct);
        foreach (var order in orders)
            Assert.Equal("Complete", (await next.AtRestAsync(order, Ct)).GetProperty("state").GetString());
        await Books.AgreeAsync(place, Ct);
    }

    private static async Task<Guid> EndOfAsync(Shop shop, JsonElement order, string state)
    {
        using var response = await shop.PlaceAsync(order, wait: 30, ct: Ct);
        var id = (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
        Assert.Equal(state, (await shop.ReadAsync(id, Ct)).GetProperty("state").GetString());
        return id;
    }

    private static async Task<string> LedgerAsync(HttpClient http, Guid order) => string.Join(", ", (await http.GetFromJsonAsync<JsonElement[]>($"/gateway/charges?orderId={order}", Ct))!
        .Select(c => $"{c.GetProperty("amount")} {c.GetProperty("currency")} {c.GetProperty("status")} {c.GetProperty("refunded")}"));

    private static Task<string> ChargeAsync(Place place, Guid order) =>
        place.ScalarAsync<string>($"SELECT coalesce(string_agg(concat_ws(' ', amount, currency, status), ', '), '') FROM payment.charges WHERE order_id = '{order}'");

    // Somebody else's: another process, another database.
    private static async Task<WebApplication> GatewayAsync(TestDatabase books)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddRouting().AddGatewaySimulator(Database.Postgres(books.ConnectionString), TimeSpan.FromSeconds(70));
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var gateway = builder.Build();
        gateway.MapGatewaySimulator();
        await gateway.StartAsync(Ct);
        return gateway;
    }
}
