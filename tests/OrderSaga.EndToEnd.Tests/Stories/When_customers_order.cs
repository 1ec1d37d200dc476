using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>What customers do, and what a shop is.</summary>
[Collection(nameof(StoryShop))]
public class When_customers_order(StoryShop story)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Story", "O13")]
    public async Task Should_give_the_last_seat_to_one_of_two_buyers()
    {
        var buyers = await Task.WhenAll(story.OrderAsync(Shop.Order("sku-last")), story.OrderAsync(Shop.Order("sku-last")));
        await story.AllRestAsync();
        var ends = await Task.WhenAll(buyers.Select(async id => (Id: id, End: await story.Shop.ReadAsync(id, Ct))));
        var winner = Assert.Single(ends, e => e.End.GetProperty("state").GetString() == "Complete").Id;
        var loser = Assert.Single(ends, e => e.End.GetProperty("state").GetString() == "Compensated" && e.End.GetProperty("reason").GetString() == "OUT_OF_STOCK").Id;
        await story.AgreesAsync((winner, "confirmation"), (loser, "apology"));
        Assert.Equal((0L, 0L), (await story.Place.RowsAsync("SELECT on_hand, reserved FROM inventory.stock WHERE product_id = 'sku-last'", r => (r.GetInt64(0), r.GetInt64(1)))).Single());
        Assert.Equal(("charged 9.99, refunded 0.00", ""), (await story.Shop.LedgerAsync(winner), await story.Shop.LedgerAsync(loser)));
    }

    [Fact, Trait("Story", "O14")]
    public async Task Should_have_three_commits_undone_backwards_when_step_four_fails()
    {
        var order = await story.OrderAsync(Shop.Order(token: "tok_declined"));
        await story.EndOfAsync(order, "Compensated", "CARD_DECLINED");
        Assert.Equal("FreezePrice undone, ReserveInventory undone, CreateOrder undone", await story.Place.UndosAsync(order));
        // As the services themselves have it.
        var logs = await story.Shop.Http.GetFromJsonAsync<JsonElement>($"/ops/orders/{order}/step-log", Ct);
        Assert.Equal(
            "CreateOrder done, ReserveInventory done, FreezePrice done, ChargePayment refused, FreezePrice undone, ReserveInventory undone, CreateOrder undone, SendApology done",
            string.Join(", ", logs.GetProperty("lines").EnumerateArray().Select(l => $"{l.GetProperty("step")} {l.GetProperty("status")}")));
        Assert.Equal("", await story.Shop.LedgerAsync(order));
        await story.AgreesAsync((order, "apology"));
    }

    [Fact, Trait("Story", "O15")]
    public async Task Should_reach_an_end_though_the_browser_is_closed_in_the_middle_of_it()
    {
        // While it waits for the answer, and while it follows the order.
        var held = JsonNode.Parse(Shop.With("ReserveInventory silent 1").GetRawText())!;
        held["customer"]!["id"] = "c-closed";
        using var closed = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var placing = story.Shop.PlaceAsync(JsonSerializer.SerializeToElement(held), wait: 30, key: "closed", closed.Token);
        Guid order = default;
        for (var i = 0; order == default && i < 600; i++, await Task.Delay(20, Ct))
            order = await story.Place.RowsAsync("SELECT order_id FROM checkout.order_state WHERE customer_id = 'c-closed'", r => r.GetGuid(0)) is [var stored] ? stored : default;
        using (var follows = await story.Shop.Http.GetAsync($"/orders/{order}/events", HttpCompletionOption.ResponseHeadersRead, closed.Token))
        {
            using var reader = new StreamReader(await follows.Content.ReadAsStreamAsync(closed.Token));
            Assert.NotNull(await reader.ReadLineAsync(closed.Token));
            await closed.CancelAsync();
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => (await placing).Dispose());

        // And at any moment of the request: what was stored by then is an order, and the rest is nothing.
        for (var moment = 0; moment < 12; moment++)
        {
            using var gone = new CancellationTokenSource(TimeSpan.FromMilliseconds(moment));
            try
            {
                (await story.Shop.PlaceAsync(JsonSerializer.SerializeToElement(Of("c-closed")), wait: 30, ct: gone.Token)).Dispose();
            }
            catch (OperationCanceledException)
            {
                // It was closed.
            }
        }

        var orders = await story.Place.RowsAsync("SELECT order_id FROM checkout.order_state WHERE customer_id = 'c-closed'", r => r.GetGuid(0));
        await story.AllRestAsync();
        foreach (var id in orders)
            await story.EndOfAsync(id, "Complete");
        await story.AgreesAsync([.. orders.Select(id => (id, "confirmation"))]);
    }

    [Fact, Trait("Story", "O16")]
    public async Task Should_leave_no_ghost_stock_no_double_charge_and_no_orphaned_parcel_after_a_hundred_orders_of_all_endings()
    {
        (JsonElement Order, string End)[] mix =
        [
            .. Enumerable.Repeat((Shop.Order(quantity: 2), "Complete"), 30),
            .. Enumerable.Repeat((Shop.Order(giftWrap: true), "Complete"), 10),
            .. Enumerable.Repeat((Shop.Order(token: "tok_declined"), "Compensated"), 15),
            .. Enumerable.Repeat((Shop.Order("sku-none"), "Compensated"), 10),
            .. Enumerable.Repeat((Shop.With("CreateShipment refuse"), "Compensated"), 10),
            .. Enumerable.Repeat((Shop.With("CreateShipment late"), "Compensated"), 5),
            .. Enumerable.Repeat((Shop.With("ReserveInventory silent"), "Compensated"), 5),
            .. Enumerable.Repeat((Shop.With("FreezePrice duplicate, ChargePayment duplicate"), "Complete"), 5),
            .. Enumerable.Repeat((Shop.With("CreateShipment throw, ChargePayment undo-throw 2"), "Compensated"), 5),
            .. Enumerable.Repeat((Shop.With("CreateShipment refuse, ChargePayment undo-throw 6"), "Failed"), 3),
            .. Enumerable.Repeat((Shop.With("ChargePayment silent"), "cancelled"), 2),
        ];
        var placed = await Task.WhenAll(mix.Select(async m => (Id: await story.OrderAsync(m.Order), m.End)));
        foreach (var (id, _) in placed.Where(p => p.End == "cancelled"))
        {
            await story.Place.WaitsForAsync(id, "ChargePayment awaiting 1");
            using var cancelled = await story.Shop.Http.PostAsync($"/orders/{id}/cancel", null, Ct);
            Assert.True(cancelled.IsSuccessStatusCode, $"{cancelled.StatusCode}");
        }

        await story.AllRestAsync();
        foreach (var (id, end) in placed)
            Assert.Equal((id, end == "cancelled" ? "Compensated" : end), (id, (await story.Shop.ReadAsync(id, Ct)).GetProperty("state").GetString()));

        // What is stuck is known to be, and nothing else is amiss; then somebody tries again.
        var report = await story.Shop.Http.GetFromJsonAsync<JsonElement>("/ops/reconciliation?settled=0", Ct);
        Assert.Equal(0, report.GetProperty("checks").EnumerateArray().Single(c => c.GetProperty("name").GetString() == "ghost-charges").GetProperty("count").GetInt32());
        foreach (var (id, _) in placed.Where(p => p.End == "Failed"))
        {
            using var retried = await story.Shop.Http.PostAsync($"/ops/stuck/{id}/ChargePayment/retry", null, Ct);
            Assert.True(retried.IsSuccessStatusCode, $"{retried.StatusCode}");
            for (var i = 0; (await story.Shop.ReadAsync(id, Ct)).GetProperty("state").GetString() != "Compensated"; i++, await Task.Delay(50, Ct))
                Assert.True(i < 600, await story.Place.LogOfAsync(id));
        }

        await story.AgreesAsync([.. placed.Select(p => (p.Id, p.End == "Complete" ? "confirmation" : "apology"))]);

        // Their timers are gone with them: nothing happens to what rests, however long it does, but that a late answer is ignored.
        var logged = $"SELECT count(*) FROM checkout.saga_log WHERE status <> 'ignored' AND order_id IN ({string.Join(", ", placed.Select(p => $"'{p.Id}'"))})";
        var before = await story.Place.ScalarAsync<long>(logged);
        await story.AdvanceAsync(TimeSpan.FromHours(12));
        await story.EndOfAsync(await story.OrderAsync(JsonSerializer.SerializeToElement(Of("c-after"))), "Complete");
        Assert.Equal(before, await story.Place.ScalarAsync<long>(logged));
    }

    private static JsonNode Of(string customer)
    {
        var order = JsonNode.Parse(Shop.Order().GetRawText())!;
        order["customer"]!["id"] = customer;
        return order;
    }
}
