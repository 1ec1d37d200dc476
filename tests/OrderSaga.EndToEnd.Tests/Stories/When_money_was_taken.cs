using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>The card is charged, and then something goes wrong.</summary>
[Collection(nameof(StoryShop))]
public class When_money_was_taken(StoryShop story)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Story", "O1")]
    public async Task Should_not_forget_the_order_whose_follow_up_was_lost()
    {
        Guid finished, undone;
        await using (var answers = await story.Place.Broker.DivertAsync("payment-charged"))
        {
            undone = await story.OrderAsync(Shop.Order());
            await answers.LostAsync(undone);
            await story.FallsSilentAsync(undone, "ChargePayment");
            // It was lost however often the watchdog asked: then nobody keeps the money.
            await story.EndOfAsync(undone, "Compensated", "STEP_SILENT");
            finished = await story.OrderAsync(Shop.Order());
            await answers.LostAsync(finished);
        }

        Assert.Equal("charged 3.99, refunded 0.00", await story.Shop.LedgerAsync(finished));
        await story.Place.WaitsForAsync(finished, "ChargePayment awaiting 1");
        await story.EndOfAsync(finished, "Complete");
        Assert.Contains("ChargePayment do asked again", await story.Place.LogOfAsync(finished), StringComparison.Ordinal);
        Assert.Equal("charged 3.99, refunded 0.00", await story.Shop.LedgerAsync(finished));
        Assert.Equal("charged 3.99, refunded 3.99", await story.Shop.LedgerAsync(undone));
        // Not by a hair's breadth: the log of the program says what was decided, and why.
        foreach (var order in new[] { finished, undone })
            Assert.Contains($"Order {order} in state PriceFrozen, ", story.Shop.Output, StringComparison.Ordinal);
        await story.AgreesAsync((finished, "confirmation"), (undone, "apology"));
    }

    [Fact, Trait("Story", "O3")]
    public async Task Should_be_given_back_when_shipping_falls_silent_after_it()
    {
        var stock = await StockAsync();
        var order = await story.OrderAsync("CreateShipment silent");
        await story.FallsSilentAsync(order, "CreateShipment");
        await story.EndOfAsync(order, "Compensated", "STEP_SILENT");
        Assert.Equal("CreateShipment undone, ChargePayment undone, FreezePrice undone, ReserveInventory undone, CreateOrder undone", await story.Place.UndosAsync(order));
        Assert.Equal(stock, await StockAsync());
        // Refunded by the id that was stored with the charge.
        var charge = await story.Place.ScalarAsync<string>($"SELECT charge_id || ' ' || status FROM payment.charges WHERE order_id = '{order}'");
        Assert.Equal(charge, await story.Place.ScalarAsync<string>($"SELECT id || ' REFUNDED' FROM gateway.charges WHERE order_id = '{order}' AND amount = refunded"));
        await story.AgreesAsync((order, "apology"));
    }

    [Fact, Trait("Story", "O3")]
    public async Task Should_be_followed_by_the_stock_though_the_ending_was_lost()
    {
        var stock = await StockAsync();
        Guid order;
        await using (var endings = await story.Place.Broker.DivertAsync("checkout-completed"))
        {
            order = await story.OrderAsync(Shop.Order());
            await story.EndOfAsync(order, "Complete");
            await endings.LostAsync(order);
        }

        // Complete, and the shelf does not know it; who holds a mark for too long asks.
        Assert.Equal("PENDING", await ReservationAsync(order));
        await story.AdvanceAsync(TimeSpan.FromMinutes(6));
        await story.Shop.UntilAsync(story.Place, async () => await ReservationAsync(order) != "PENDING", () => ReservationAsync(order));
        Assert.Equal(stock - 1, await StockAsync());
        await story.AgreesAsync((order, "confirmation"));
    }

    [Fact, Trait("Story", "O5")]
    public async Task Should_be_taken_once_though_the_gateways_answer_was_lost_and_the_customer_tries_again()
    {
        var order = Shop.With("Gateway crash");
        var id = await story.OrderAsync(order, key: "o5");
        await story.EndOfAsync(id, "Complete");
        using var again = await story.Shop.PlaceAsync(order, key: "o5", ct: Ct);
        Assert.True(again.Headers.Contains("Idempotency-Replayed"));
        Assert.Equal("charged 3.99, refunded 0.00", await story.Shop.LedgerAsync(id));
        await story.AgreesAsync((id, "confirmation"));
    }

    [Fact, Trait("Story", "O8")]
    public async Task Should_be_given_back_when_the_provider_took_it_hours_after_the_order_had_given_up()
    {
        var order = await story.OrderAsync(Shop.Order(token: "tok_slow"));
        await story.FallsSilentAsync(order, "ChargePayment");
        await story.EndOfAsync(order, "Compensated", "STEP_SILENT");
        Assert.Equal("", await story.Shop.LedgerAsync(order));
        // Six hours later it charges after all.
        for (var hours = 0; await story.Shop.LedgerAsync(order) != "charged 3.99, refunded 3.99"; hours++)
        {
            Assert.True(hours < 40, await story.Shop.LedgerAsync(order));
            await story.AdvanceAsync(TimeSpan.FromHours(1));
            await Task.Delay(250, Ct);
        }

        Assert.Equal("Compensated", (await story.Shop.ReadAsync(order, Ct)).GetProperty("state").GetString());
        await story.AgreesAsync((order, "apology"));
    }

    [Fact, Trait("Story", "O18")]
    public async Task Should_be_the_price_that_was_frozen_whatever_happens_to_prices_meanwhile()
    {
        // Quoted, frozen, and held before it is charged; then all of it costs more.
        var plan = System.Text.Json.Nodes.JsonNode.Parse(Shop.Order("sku-plum", quantity: 3, price: 0.99m).GetRawText())!;
        plan["faults"] = new System.Text.Json.Nodes.JsonArray(new System.Text.Json.Nodes.JsonObject { ["step"] = "ChargePayment", ["kind"] = "silent", ["times"] = 1 });
        var frozen = await story.OrderAsync(System.Text.Json.JsonSerializer.SerializeToElement(plan));
        await story.Place.WaitsForAsync(frozen, "ChargePayment awaiting 1");
        var now = await story.AdvanceAsync(TimeSpan.FromSeconds(1));
        await story.Place.ScalarAsync<int>($"INSERT INTO pricing.prices (product_id, currency, valid_from, unit_price) VALUES ('sku-plum', 'EUR', '{now:O}', 1.49); SELECT 1");

        await story.EndOfAsync(frozen, "Complete");
        Assert.Equal("charged 2.97, refunded 0.00", await story.Shop.LedgerAsync(frozen));
        // Who still has the old quote is asked, not charged; who has none pays the price of today.
        var outdated = await story.OrderAsync(Shop.Order("sku-plum", price: 0.99m));
        await story.EndOfAsync(outdated, "Compensated", "PRICE_CHANGED");
        Assert.Equal("", await story.Shop.LedgerAsync(outdated));
        var today = await story.OrderAsync(Shop.Order("sku-plum"));
        await story.EndOfAsync(today, "Complete");
        Assert.Equal("charged 1.49, refunded 0.00", await story.Shop.LedgerAsync(today));
        await story.AgreesAsync((frozen, "confirmation"), (outdated, "apology"), (today, "confirmation"));
    }

    private Task<long> StockAsync() => story.Place.ScalarAsync<long>("SELECT on_hand FROM inventory.stock WHERE product_id = 'sku-apple'");

    private Task<string> ReservationAsync(Guid order) => story.Place.ScalarAsync<string>($"SELECT status FROM inventory.reservations WHERE order_id = '{order}'");
}
