using OrderSaga.EndToEnd.Tests.Operators;
using static Microsoft.Playwright.Assertions;

namespace OrderSaga.EndToEnd.Tests.Pages;

/// <summary>Whole stories at the console, from what is wrong to its end.</summary>
[Collection(nameof(BrowsedShop))]
public sealed class When_an_operator_helps(BrowsedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_bring_an_order_whose_refund_was_stuck_to_its_end()
    {
        var id = await shop.StuckAsync();
        var page = await shop.OpenAsync($"/console/orders/{id}");
        await Expect(page.Locator("#title")).ToContainTextAsync("Failed");
        await Expect(page.Locator(".note")).ToContainTextAsync("RefundPayment is stuck");
        await page.ClickAsync("text=Retry RefundPayment");
        await Expect(page.Locator("#title")).ToContainTextAsync("Compensated");
        await Expect(page.Locator("#money tr.sum")).ToContainTextAsync("0.00");
        await Expect(page.Locator("#log")).ToContainTextAsync("ann");
        await BrowsedShop.KeepAsync(page, "order-repaired-light");
        Assert.Equal("Compensated", (await shop.Shop.ReadAsync(id, Ct)).Text("state"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_settle_by_hand_only_with_reason_evidence_and_a_look()
    {
        var id = await shop.StuckAsync(tries: 100);
        var page = await shop.OpenAsync($"/console/orders/{id}");
        await page.ClickAsync("text=Settle by hand");
        var form = page.Locator("form[action$=resolve]");
        await form.Locator("[name=reason]").FillAsync("too short");
        await form.Locator("[name=evidence]").FillAsync("rf_12");
        await form.Locator("button").ClickAsync();
        await Expect(page.Locator("#title")).ToContainTextAsync("Failed");
        await form.Locator("[name=reason]").FillAsync("Paid back at the gateway");
        await form.Locator("[name=seen]").CheckAsync();
        await form.Locator("button").ClickAsync();
        await Expect(page.Locator("#title")).ToContainTextAsync("Compensated");
        await Expect(page.Locator("#log")).ToContainTextAsync("Paid back at the gateway (rf_12)");
        Assert.Equal("ann", await shop.Place.ScalarAsync<string>($"SELECT actor FROM checkout.audit WHERE order_id = '{id}' AND action = 'resolve'"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_hold_an_order_let_it_go_on_and_cancel_it()
    {
        var id = await shop.WaitingAsync();
        var page = await shop.OpenAsync($"/console/orders/{id}");
        await page.ClickAsync("#pause");
        await Expect(page.Locator("#title")).ToContainTextAsync("paused");
        await page.ClickAsync("#resume");
        await Expect(page.Locator("#title")).Not.ToContainTextAsync("paused");
        await page.ClickAsync("#cancelling summary");
        await page.FillAsync("#cancelling input[name=reason]", "The customer changed his mind");
        await page.ClickAsync("#cancelling button");
        await Expect(page.Locator("#title")).ToContainTextAsync("Compensated");
        await Expect(page.Locator("#acts")).Not.ToContainTextAsync("Cancel");
        Assert.Equal("The customer changed his mind", (await shop.Shop.ReadAsync(id, Ct)).Text("reason"));
        await page.Context.CloseAsync();
    }
}
