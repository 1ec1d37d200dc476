using System.Net;
using System.Text.Json;

namespace OrderSaga.EndToEnd.Tests.Operators;

[Collection(nameof(OperatedShop))]
public class When_operators_look_at_orders(OperatedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_find_the_ones_they_ask_for()
    {
        Assert.Equal([shop.Complete], (await shop.GetAsync("/ops/orders?status=completed&customer=c-complete")).Ids("orders"));
        Assert.Contains(shop.Waiting, (await shop.GetAsync("/ops/orders?state=PriceFrozen&status=Processing")).Ids("orders"));
        Assert.Contains(shop.Waiting, (await shop.GetAsync("/ops/orders?step=chargepayment")).Ids("orders"));
        Assert.DoesNotContain(shop.Complete, (await shop.GetAsync("/ops/orders?step=ChargePayment")).Ids("orders"));
        Assert.Contains(shop.Complete, (await shop.GetAsync("/ops/orders?olderThan=00:00:01&customer=c-complete")).Ids("orders"));
        Assert.Empty((await shop.GetAsync("/ops/orders?olderThan=1d")).Ids("orders"));
        Assert.Empty((await shop.GetAsync("/ops/orders?status=Completed&state=PriceFrozen")).Ids("orders"));
        var failed = (await shop.GetAsync("/ops/orders?state=Failed")).Ids("orders");
        Assert.Equal(failed, (await shop.GetAsync("/ops/orders?status=NeedsAttention&customer=c-stuck")).Ids("orders"));
        Assert.Contains(shop.Stuck[2], failed);
        var all = (await shop.GetAsync("/ops/orders")).Ids("orders").ToList();
        Assert.Contains(shop.Waiting, all);
        // Others may have ended since, a whole page of them.
        Assert.True(all.IndexOf(shop.Complete) is var ended && (ended < 0 || all.IndexOf(shop.Waiting) < ended), "What is under way comes first.");

        var waiting = (await shop.GetAsync("/ops/orders?customer=c-waiting")).GetProperty("orders").EnumerateArray().Single(o => o.GetProperty("orderId").GetGuid() == shop.Waiting);
        Assert.Equal(("ChargePayment", "awaiting", 3.99m), (waiting.Text("waitsFor"), waiting.Text("phase"), waiting.GetProperty("total").GetDecimal()));
    }

    [Theory]
    [InlineData("orders?state=Nowhere", "state")]
    [InlineData("orders?status=Lost", "status")]
    [InlineData("orders?step=Dance", "step")]
    [InlineData("orders?olderThan=long", "olderThan")]
    [InlineData("orders?olderThan=-5m", "olderThan")]
    [InlineData("orders?olderThan=99999999d", "olderThan")]
    [InlineData("orders?stauts=Failed", "stauts")]
    [InlineData("stuck?step=Dance", "step")]
    [InlineData("stuck?state=Failed", "state")]
    [InlineData("orders?paused=often", "paused")]
    [InlineData("orders?page=two", "page")]
    [InlineData("orders?page=u.99999999999999999999.x", "page")]
    [InlineData("orders?page=x.1.00000000000000000000000000000000.", "page")]
    [InlineData("stuck?page=2", "page")]
    [InlineData("audit?page=2", "page")]
    [InlineData("audit?order=7", "order")]
    public async Task Should_be_told_what_is_wrong_with_a_question(string question, string field) =>
        Assert.True((await shop.GetAsync($"/ops/{question}", HttpStatusCode.BadRequest)).GetProperty("errors").TryGetProperty(field, out _));

    [Fact]
    public async Task Should_see_each_once_page_by_page()
    {
        var placed = new List<Guid>();
        for (var i = 0; i < 4; i++)
            placed.AddRange(await Task.WhenAll(Enumerable.Range(0, 14).Select(_ => shop.PlaceAsync("c-many", wait: 30))));
        var waiting = await shop.PlaceAsync("c-many", "ChargePayment silent");
        var (seen, pages, next) = (new List<Guid>(), 0, (string?)"");
        for (; next is not null; pages++)
        {
            var page = await shop.GetAsync($"/ops/orders?customer=c-many&page={next}");
            seen.AddRange(page.Ids("orders"));
            next = page.Text("next");
        }

        Assert.Equal(2, pages);
        Assert.Equal(waiting, seen[0]);
        Assert.Equal(placed.Append(waiting).Order(), seen.Order());
        await shop.PostAsync($"/ops/orders/{waiting}/cancel");
    }

    [Fact]
    public async Task Should_see_all_that_happened_to_one()
    {
        var file = await shop.GetAsync($"/ops/orders/{shop.Complete}");
        Assert.Equal(("Complete", "Completed", "c-complete"), (file.Text("state"), file.Text("status"), file.Text("customer")));
        var log = file.GetProperty("log").EnumerateArray().ToList();
        Assert.Equal(Enumerable.Range(1, log.Count), log.Select(e => e.GetProperty("seq").GetInt32()));
        var charged = log.Single(e => e.Text("step") == "ChargePayment");
        Assert.Equal(("do", 1, "done", "CreateShipment", $"saga:{shop.Complete}:ChargePayment"),
            (charged.Text("direction"), charged.GetProperty("attempt").GetInt32(), charged.Text("status"), charged.Text("asks"), charged.Text("key")));
        Assert.InRange(charged.GetProperty("durationMs").GetDouble(), 0.1, 60_000);
        Assert.NotEqual(Guid.Empty, charged.GetProperty("messageId").GetGuid());
        Assert.Equal("done", file.GetProperty("steps").EnumerateArray().First().Text("status"));

        var stuck = (await shop.GetAsync($"/ops/orders/{shop.Stuck[2]}")).GetProperty("stuck").EnumerateArray().Single();
        Assert.Equal(("ReserveInventory", "stuck", 2), (stuck.Text("step"), stuck.Text("status"), stuck.GetProperty("attempts").GetInt32()));
        Assert.Equal("order-unknown", (await shop.GetAsync($"/ops/orders/{Guid.NewGuid()}", HttpStatusCode.NotFound)).Text("type"));
    }

    [Fact]
    public async Task Should_see_how_the_shop_is_doing()
    {
        // What an earlier test began may still be coming to its end.
        while (await shop.Place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE asked <> 'ChargePayment'") > 0)
            await Task.Delay(20, Ct);
        var summary = await shop.GetAsync("/ops/summary");
        Assert.Equal(await shop.Place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"), summary.GetProperty("states").EnumerateObject().Sum(s => s.Value.GetInt64()));
        Assert.Equal(await shop.Place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE current_state = 'Complete'"), summary.GetProperty("states").GetProperty("Complete").GetInt64());
        Assert.Equal(await shop.Place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE ended_at IS NULL"), summary.GetProperty("inFlight").GetInt64());
        Assert.Equal(await shop.Place.ScalarAsync<long>("SELECT count(*) FROM checkout.stuck WHERE resolved_at IS NULL"), summary.GetProperty("stuck").GetInt64());
        Assert.Equal(
            await shop.Place.ScalarAsync<Guid>("SELECT order_id FROM checkout.order_state WHERE ended_at IS NULL ORDER BY started_at LIMIT 1"),
            summary.GetProperty("oldest").GetProperty("orderId").GetGuid());
        var rates = summary.GetProperty("rates");
        Assert.InRange(rates.GetProperty("completed").GetInt32(), 1, rates.GetProperty("started").GetInt32());
        Assert.InRange(rates.GetProperty("startedPerSecond").GetDouble(), 0.001, 100);
    }

    [Fact]
    public async Task Should_need_a_key_and_one_that_may_act_to_act()
    {
        foreach (var path in new[] { "orders", $"orders/{shop.Complete}", "summary", "stuck", "audit", "reconciliation", "dead-letters", "alerts" })
        {
            await shop.GetAsync($"/ops/{path}", HttpStatusCode.Unauthorized, key: null);
            await shop.GetAsync($"/ops/{path}", HttpStatusCode.OK, OperatedShop.Robs);
        }

        foreach (var path in new[] { $"orders/{shop.Complete}/cancel", $"orders/{shop.Complete}/pause", $"orders/{shop.Complete}/resume", $"stuck/{shop.Stuck[2]}/ReserveInventory/retry", $"stuck/{shop.Stuck[2]}/ReserveInventory/resolve", "orders/pause", "stuck/retry", "dead-letters/discard", $"dead-letters/{Guid.NewGuid()}/replay", $"alerts/{Guid.NewGuid()}/resend" })
        {
            await shop.PostAsync($"/ops/{path}", expected: HttpStatusCode.Unauthorized, key: "the-key-of-eve");
            await shop.PostAsync($"/ops/{path}", expected: HttpStatusCode.Forbidden, key: OperatedShop.Robs);
        }

        using var stock = await shop.Shop.Http.PutAsync(new Uri("/inventory/products/sku-none/stock", UriKind.Relative), null, Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, stock.StatusCode);
        Assert.DoesNotContain("the-key", shop.Shop.Output, StringComparison.Ordinal);
        Assert.Contains("Operators: by key; 2 may act, 1 may look", shop.Shop.Output, StringComparison.Ordinal);
    }
}

[Collection(nameof(OperatedShop))]
public class When_operators_act_on_orders(OperatedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_hold_it_let_it_go_on_and_cancel_it()
    {
        var id = await shop.WaitingAsync();
        Assert.Equal(("paused", "PriceFrozen"), Outcome(await shop.PostAsync($"/ops/orders/{id}/pause", new { reason = "a look" }, key: OperatedShop.Anns)));
        Assert.Equal("The order is paused already.", (await shop.PostAsync($"/ops/orders/{id}/pause", expected: HttpStatusCode.Conflict)).Text("detail"));
        Assert.Equal(("cancelled", "PriceFrozen"), Outcome(await shop.PostAsync($"/ops/orders/{id}/cancel", new { reason = "TEST" }, key: OperatedShop.Anns)));
        Assert.Equal("TEST", (await shop.GetAsync($"/ops/orders/{id}")).Text("cancelReason"));
        Assert.Equal(("resumed", "Compensating"), Outcome(await shop.PostAsync($"/ops/orders/{id}/resume", key: OperatedShop.Anns)));
        var end = await shop.Shop.AtRestAsync(id, Ct);
        Assert.Equal(("Compensated", "TEST"), (end.Text("state"), end.Text("reason")));
        Assert.Equal("ignored", Outcome(await shop.PostAsync($"/ops/orders/{id}/cancel", expected: HttpStatusCode.OK)).Outcome);
        await shop.PostAsync($"/ops/orders/{id}/resume", expected: HttpStatusCode.Conflict);
        await shop.PostAsync($"/ops/orders/{Guid.NewGuid()}/pause", expected: HttpStatusCode.NotFound);

        Assert.Equal(
            ["operator resume denied  ", "operator cancel ignored CANCELLED ", "ann resume resumed  ", "ann cancel cancelled TEST ", "operator pause denied  ", "ann pause paused a look "],
            await AuditAsync(id));
        var log = (await shop.GetAsync($"/ops/orders/{id}")).GetProperty("log").EnumerateArray().Where(e => e.Text("actor") == "ann").Select(e => e.Text("status"));
        Assert.Equal(["paused", "cancelled", "resumed"], log);
    }

    [Fact]
    public async Task Should_have_what_is_stuck_tried_again_or_resolve_it()
    {
        var (retried, resolved) = (shop.Stuck[0], shop.Stuck[1]);
        var list = (await shop.GetAsync("/ops/stuck")).GetProperty("stuck").EnumerateArray().ToList();
        Assert.Empty(new[] { retried, resolved }.Except(list.Select(s => s.GetProperty("orderId").GetGuid())));
        Assert.All(list, s => Assert.Equal(("ReserveInventory", "Failed"), (s.Text("step"), s.Text("state"))));

        Assert.Equal("retried", Outcome(await shop.PostAsync($"/ops/stuck/{retried}/ReserveInventory/retry", key: OperatedShop.Anns)).Outcome);
        await shop.UntilAsync(retried, order => order.Text("state") == "Compensated");
        foreach (var (body, field) in new (object, string)[] { (new { reason = "counted" }, "evidence"), (new { evidence = "list" }, "reason"), (new { reason = " ", evidence = "list" }, "reason"), (new { reason = "x", evidence = new string('x', 2001) }, "evidence") })
            Assert.True((await shop.PostAsync($"/ops/stuck/{resolved}/ReserveInventory/resolve", body, HttpStatusCode.BadRequest)).GetProperty("errors").TryGetProperty(field, out _));
        await shop.PostAsync($"/ops/stuck/{resolved}/Dance/retry", expected: HttpStatusCode.NotFound);
        await shop.PostAsync($"/ops/stuck/{resolved}/ChargePayment/retry", expected: HttpStatusCode.Conflict);
        Assert.Equal(("resolved", "Compensated"), Outcome(await shop.PostAsync($"/ops/stuck/{resolved}/ReserveInventory/resolve", new { reason = "counted", evidence = "list of May 4" })));

        Assert.Equal(["operator resolve resolved counted list of May 4", "operator retry denied  "], await AuditAsync(resolved));
        Assert.Empty(new[] { retried, resolved }.Intersect((await shop.GetAsync("/ops/stuck")).Ids("stuck")));
        Assert.Equal(2, await shop.Place.ScalarAsync<long>($"SELECT count(*) FROM checkout.stuck WHERE resolved_at IS NOT NULL AND order_id IN ('{retried}', '{resolved}')"));
    }

    [Fact]
    public async Task Should_be_asked_for_a_cancel_by_whoever_knows_the_order()
    {
        var id = await shop.WaitingAsync();
        foreach (var reason in new[] { "", new string('x', 101), "a\nb", "4111 1111 1111 1111" })
            await shop.PostAsync($"/orders/{id}/cancel", new { reason }, HttpStatusCode.BadRequest, key: null);
        await shop.PostAsync($"/orders/{id}/cancel", new { reason = "CHANGED_MIND" }, key: null);
        var end = await shop.Shop.AtRestAsync(id, Ct);
        Assert.Equal(("Compensated", "CHANGED_MIND"), (end.Text("state"), end.Text("reason")));
        Assert.Equal("Cancelled", (await shop.PostAsync($"/orders/{id}/cancel", expected: HttpStatusCode.OK, key: null)).Text("status"));
        var refused = await shop.PostAsync($"/orders/{shop.Complete}/cancel", expected: HttpStatusCode.Conflict, key: null);
        Assert.Equal(("not-possible-now", "Complete"), (refused.Text("type"), refused.Text("state")));
        await shop.PostAsync($"/orders/{Guid.NewGuid()}/cancel", expected: HttpStatusCode.NotFound, key: null);
        Assert.Empty(await AuditAsync(id));
    }

    private static (string? Outcome, string? State) Outcome(JsonElement decided) => (decided.Text("outcome"), decided.Text("state"));

    // The last first.
    private async Task<IReadOnlyList<string>> AuditAsync(Guid id) => [.. (await shop.GetAsync($"/ops/audit?order={id}")).GetProperty("audit").EnumerateArray()
        .Select(a => $"{a.Text("actor")} {a.Text("action")} {a.Text("outcome")} {a.Text("reason")} {a.Text("evidence")}")];
}
