using System.Text.RegularExpressions;
using Microsoft.Playwright;
using OrderSaga.EndToEnd.Tests.Operators;
using static Microsoft.Playwright.Assertions;

namespace OrderSaga.EndToEnd.Tests.Pages;

/// <summary>The shop page: an order is placed once, seen through, and found again whatever became of the browser.</summary>
[Collection(nameof(BrowsedShop))]
public sealed partial class When_a_customer_orders(BrowsedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_see_it_through_though_the_browser_was_closed()
    {
        var page = await shop.OpenAsync("/shop", key: null);
        await BrowsedShop.KeepAsync(page, "shop-light");
        await page.FillAsync("[name=sku-pear]", "3");
        await page.ClickAsync("text=Place the order");
        await page.WaitForURLAsync("**/shop/orders/*");
        var address = page.Url;
        await page.ReloadAsync();
        var cookies = await page.Context.StorageStateAsync();
        await page.Context.CloseAsync();

        var again = await shop.OpenAsync(address, key: null);
        await Expect(again.Locator("h1")).ToHaveTextAsync("Thank you, it is confirmed");
        await Expect(again.Locator(".total")).ToContainTextAsync("15.45 €");
        await Expect(again.Locator(".steps li")).ToContainTextAsync(["Order received", "set aside", "Price fixed", "Payment taken", "Parcel booked", "Confirmation sent"]);
        await BrowsedShop.KeepAsync(again, "shop-order-light");
        await again.Context.AddCookiesAsync([.. JsonCookies(cookies)]);
        await again.GotoAsync("/shop");
        await Expect(again.Locator("#yours a")).ToHaveAttributeAsync("href", new Uri(address).AbsolutePath);
        Assert.Empty(shop.Complaints);
        await again.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_be_one_order_however_often_it_is_sent()
    {
        var page = await shop.OpenAsync("/shop", key: null, scripts: false);
        var customer = await page.InputValueAsync("[name=customer]");
        await page.DblClickAsync("text=Place the order");
        await page.WaitForURLAsync("**/shop/orders/*");
        await page.ReloadAsync();
        await Expect(page.Locator(".steps")).ToBeVisibleAsync();
        Assert.Equal(1, await shop.Place.ScalarAsync<long>($"SELECT count(*) FROM checkout.order_state WHERE customer_id = '{customer}'"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_be_told_without_blame_that_the_card_was_not_accepted()
    {
        var page = await shop.OpenAsync("/shop", key: null, width: 390, dark: true);
        await page.SelectOptionAsync("[name=card]", "tok_declined");
        await page.ClickAsync("text=Place the order");
        await Expect(page.Locator("h1")).ToHaveTextAsync("Sorry, we had to cancel this order");
        await Expect(page.Locator("#ticket")).ToContainTextAsync("The card was not accepted. Nothing will be sent. Nothing was charged.");
        Assert.DoesNotMatch(Inner(), await page.InnerTextAsync("#ticket"));
        await BrowsedShop.KeepAsync(page, "shop-order-390");
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_not_be_told_that_money_is_back_before_it_is()
    {
        var page = await shop.OpenAsync($"/shop/orders/{shop.Stuck}", key: null);
        await Expect(page.Locator("#ticket")).ToContainTextAsync("a person is looking after it");
        await Expect(page.Locator("#ticket")).ToContainTextAsync("Giving your money back");
        await Expect(page.Locator("#ticket")).Not.ToContainTextAsync("given back");
        Assert.DoesNotMatch(Inner(), await page.InnerTextAsync("#ticket"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_read_at_the_field_what_is_wrong_and_keep_what_was_typed()
    {
        var page = await shop.OpenAsync("/shop", key: null);
        await page.FillAsync("[name=country]", "Germany");
        await page.FillAsync("[name=street]", "Long Street 9");
        await page.ClickAsync("text=Place the order");
        await Expect(page.Locator("#wrong-country")).ToContainTextAsync("two capital letters");
        Assert.Equal("Long Street 9", await page.InputValueAsync("[name=street]"));
        await page.FillAsync("[name=sku-apple]", "0");
        await page.FillAsync("[name=country]", "de");
        await page.ClickAsync("text=Place the order");
        await Expect(page.Locator("[role=alert]")).ToHaveTextAsync("Choose at least one thing.");
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_cancel_while_it_is_possible()
    {
        var id = await shop.WaitingAsync();
        var page = await shop.OpenAsync($"/shop/orders/{id}", key: null);
        await Expect(page.Locator("h1")).ToHaveTextAsync("We are on it");
        await page.ClickAsync("text=Cancel the order");
        await Expect(page.Locator("h1")).ToHaveTextAsync("Sorry, we had to cancel this order");
        Assert.Equal("Cancelled", (await shop.Shop.ReadAsync(id, Ct)).Text("status"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_choose_what_goes_wrong_and_see_the_undos_in_their_order()
    {
        var page = await shop.OpenAsync("/shop", key: null);
        await page.ClickAsync("text=Have something go wrong");
        await page.SelectOptionAsync("[name=fault]", "CreateShipment refuse");
        await page.ClickAsync("text=Place the order");
        await Expect(page.Locator("h1")).ToHaveTextAsync("Sorry, we had to cancel this order");
        var steps = await page.Locator(".steps li > span:nth-child(2)").AllInnerTextsAsync();
        Assert.Equal(["Payment given back in full", "Price set free", "Things put back on the shelf", "Order cancelled", "We wrote to you"], steps.TakeLast(5));
        await page.Context.CloseAsync();
    }

    private static IEnumerable<Cookie> JsonCookies(string state) => System.Text.Json.JsonElement.Parse(state).GetProperty("cookies").EnumerateArray().Select(c => new Cookie
    {
        Name = c.Text("name")!, Value = c.Text("value")!, Domain = c.Text("domain"), Path = c.Text("path"),
    });

    // No names of steps, states, reasons or services.
    [GeneratedRegex("Payment(Charged|Refused)|ChargePayment|CreateShipment|CARD_DECLINED|FAULT|Compensat|saga|payment service", RegexOptions.IgnoreCase)]
    private static partial Regex Inner();
}
