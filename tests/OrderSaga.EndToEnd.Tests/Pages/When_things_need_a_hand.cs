using System.Text.RegularExpressions;
using OrderSaga.EndToEnd.Tests.Operators;
using static Microsoft.Playwright.Assertions;

namespace OrderSaga.EndToEnd.Tests.Pages;

/// <summary>What waits for a person, done at the console: by one, and by many at once.</summary>
[Collection(nameof(BrowsedShop))]
public sealed partial class When_things_need_a_hand(BrowsedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_say_what_happened_and_what_to_do()
    {
        var page = await shop.OpenAsync("/console/hand");
        var stuck = page.Locator($"#s{shop.Stuck}-ChargePayment");
        await stuck.Locator("summary").First.ClickAsync();
        await Expect(stuck).ToContainTextAsync("RefundPayment failed after 2 tries, the last time with: RefundPayment breaks");
        await Expect(stuck).ToContainTextAsync("The customer may have been charged 3.99 EUR and not paid back.");
        await Expect(stuck).ToContainTextAsync("This fault was planned with the order");
        await Expect(stuck).ToContainTextAsync($"saga:{shop.Stuck}:RefundPayment");
        await BrowsedShop.KeepAsync(page, "hand-open-light");
        // What is open stays open when the page looks again.
        await shop.StuckAsync();
        await Expect(page.Locator("#stuck-list details")).Not.ToHaveCountAsync(1);
        await Expect(stuck).ToHaveAttributeAsync("open", "");
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_retry_many_in_growing_batches_and_stop_at_the_first_failure()
    {
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => StuckStockAsync(2)));
        var bad = await StuckStockAsync(100);
        var left = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => StuckStockAsync(2)));
        var page = await shop.OpenAsync("/console/hand?step=ReserveInventory");
        await page.ClickAsync("#many summary");
        await page.FillAsync("#many [name=reason]", "The stock count is over");
        await page.ClickAsync("#many button.main");
        var told = page.Locator("#many .progress p");
        await Expect(told).ToContainTextAsync("It stopped itself. 3 of 6 done, 1 failed.", new() { Timeout = 60_000 });
        await BrowsedShop.KeepAsync(page, "hand-stopped-light");
        await Expect(page.Locator($"#s{bad}-ReserveInventory")).ToHaveCountAsync(1);
        foreach (var id in left)
            Assert.Equal("Failed", (await shop.Shop.ReadAsync(id, Ct)).Text("state"));
        Assert.Equal(4, await shop.Place.ScalarAsync<long>("SELECT count(*) FROM checkout.audit WHERE reason = 'The stock count is over' AND actor = 'ann'"));

        // The bad one is settled, and then all go through.
        await page.ReloadAsync();
        var stuck = page.Locator($"#s{bad}-ReserveInventory");
        await stuck.Locator("summary").First.ClickAsync();
        await stuck.Locator("details summary").ClickAsync();
        await stuck.Locator("[name=reason]").FillAsync("Counted by hand in the warehouse");
        await stuck.Locator("[name=evidence]").FillAsync("count 12");
        await stuck.Locator("[name=seen]").CheckAsync();
        await stuck.Locator("form[action$=resolve] button").ClickAsync();
        await page.GotoAsync("/console/hand?step=ReserveInventory");
        await page.ClickAsync("#many summary");
        await page.FillAsync("#many [name=reason]", "The stock count is over");
        await page.ClickAsync("#many button.main");
        await Expect(told).ToContainTextAsync("2 of 2 done, 0 failed.", new() { Timeout = 60_000 });
        await Expect(page.Locator("#stuck-list details")).ToHaveCountAsync(0);
        await Expect(page.Locator("#audit")).ToContainTextAsync("The stock count is over");
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Should_decide_about_dead_letters_by_cause_and_one_by_one()
    {
        // A message of a kind that nobody here knows, twice.
        var place = (Support.ServersPlace)shop.Place;
        foreach (var number in new[] { 1, 2 })
            await place.PublishAsync("charge-payment", new { orderId = Guid.NewGuid(), amount = "<b>not a number</b>", number }, "ChargePayment");
        var page = await shop.OpenAsync("/console/hand");
        var kind = page.Locator("#letters tr", new() { HasTextRegex = Unreadable() });
        await Expect(kind).ToContainTextAsync("2", new() { Timeout = 60_000 });
        await kind.Locator("a").First.ClickAsync();
        await page.Locator("tbody a").First.ClickAsync();
        await Expect(page.Locator("pre").First).ToContainTextAsync("<b>not a number</b>");
        await BrowsedShop.KeepAsync(page, "letter-light");
        await page.ClickAsync("text=Replay");
        await Expect(page.Locator("h1")).ToContainTextAsync("waiting", new() { Timeout = 60_000 });
        await page.ClickAsync("#discard-0 summary");
        await page.FillAsync("#discard-0 [name=reason]", "A test of the sender");
        await page.ClickAsync("#discard-0 button");
        await Expect(page.Locator("h1")).ToContainTextAsync("discarded");
        await Expect(page.Locator("main")).ToContainTextAsync("ann: A test of the sender");
        await page.GotoAsync("/console/audit");
        await Expect(page.Locator("#audit")).ToContainTextAsync("A test of the sender");
        await Expect(page.Locator("#audit")).ToContainTextAsync("Replayed a dead letter");
        Assert.Empty(shop.Complaints);
        await page.Context.CloseAsync();
    }

    private async Task<Guid> StuckStockAsync(int tries)
    {
        var id = await shop.OrderAsync("c-stock", $"CreateShipment refuse, ReserveInventory undo-throw {tries}");
        await shop.Shop.AtRestAsync(id, Ct);
        return id;
    }

    [GeneratedRegex("Json|Serialization", RegexOptions.IgnoreCase)]
    private static partial Regex Unreadable();
}
