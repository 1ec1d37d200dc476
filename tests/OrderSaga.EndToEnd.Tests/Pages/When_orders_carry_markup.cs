using static Microsoft.Playwright.Assertions;

namespace OrderSaga.EndToEnd.Tests.Pages;

/// <summary>Every text of an order is somebody else's: on no page does it become markup, a script or a request.</summary>
[Collection(nameof(BrowsedShop))]
public sealed class When_orders_carry_markup(BrowsedShop shop)
{
    private const string Evil = "\"'><script>window.bad=1</script><img src=x onerror=window.bad=2><svg onload=window.bad=3>&lt;{{7*7}}javascript:window.bad=4";

    private static readonly string[] Lines = ["name", "street"];

    private static string Cut(int longest) => Evil[..Math.Min(longest, Evil.Length)];

    [Fact]
    public async Task Should_show_it_as_it_is_and_run_nothing()
    {
        var id = await shop.OrderAsync(Cut(100), wait: 30, with: order =>
        {
            order["customer"]!["email"] = $"{Cut(200)}@x";
            order["lines"]![0]!["productId"] = Cut(64);
            foreach (var field in Lines)
                order["shippingAddress"]![field] = Evil;
            (order["shippingAddress"]!["city"], order["shippingAddress"]!["postalCode"], order["payment"]!["token"]) = (Cut(100), Cut(20), Cut(100));
        });
        var cancelled = await shop.WaitingAsync();
        var page = await shop.OpenAsync($"/console/orders/{id}");
        page.Dialog += (_, _) => shop.Complaints.Add("a dialog");
        await Expect(page.Locator("#facts")).ToContainTextAsync($"{Evil}, {Evil}");
        await Expect(page.Locator("#stock")).ToContainTextAsync(Cut(64));
        // What operators write is other people's text as well, and so is what is searched for.
        await page.GotoAsync($"/console/orders/{cancelled}");
        await page.ClickAsync("#cancelling summary");
        await page.FillAsync("#cancelling input[name=reason]", Cut(100));
        await page.ClickAsync("#cancelling button");
        await Expect(page.Locator("#log")).ToContainTextAsync(Cut(100));
        foreach (var path in new[] { "/console", "/console/orders", "/console/hand", "/console/audit", $"/shop/orders/{id}", $"/console/orders/{id}", $"/console/orders/{cancelled}", $"/console/orders?q={Uri.EscapeDataString(Evil)}", $"/console/orders?state={Uri.EscapeDataString(Evil)}", $"/console/sign-in?then={Uri.EscapeDataString(Evil)}" })
        {
            await page.GotoAsync(path);
            Assert.True(await page.EvaluateAsync<bool>("window.bad === undefined"), path);
            Assert.Equal(0, await page.Locator("main script, main img, main [onerror], main svg[onload], a[href^='javascript:']").CountAsync());
        }

        Assert.Empty(shop.Complaints);
        await page.Context.CloseAsync();
    }
}
