using System.Diagnostics;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Orchestrator;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>The broker, the scheduler and the processes at their worst.</summary>
[Collection(nameof(StoryShop))]
public class When_messages_are_lost_or_doubled(StoryShop story)
{
    private static readonly RouteStep[] Steps = [.. OrchestratorRoom.Unhosted(new()).WholeRoute.Where(step => step.Name is not ("CheckFraud" or "WrapGift"))];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Story", "O9")]
    public async Task Should_have_one_effect_though_every_message_comes_three_times()
    {
        var stock = await StockAsync();
        Guid complete, wrapped, declined, refunded, insisted;
        await using (var echo = await Echo.OfAsync(story.Place.Broker))
        {
            (complete, wrapped) = (await story.OrderAsync(Shop.Order("sku-pear", quantity: 2)), await story.OrderAsync(Shop.Order("sku-pear", giftWrap: true)));
            (declined, refunded) = (await story.OrderAsync(Shop.Order("sku-pear", token: "tok_declined")), await story.OrderAsync("CreateShipment refuse, ChargePayment undo-throw 1"));
            insisted = await story.OrderAsync("SendConfirmation throw 1, FreezePrice duplicate");
            await story.AllRestAsync();
            await echo.FadesAsync(Ct);
            Assert.InRange(echo.Heard, 50, int.MaxValue);
        }

        foreach (var order in new[] { complete, wrapped, insisted })
            await story.EndOfAsync(order, "Complete");
        await story.EndOfAsync(declined, "Compensated", "CARD_DECLINED");
        await story.EndOfAsync(refunded, "Compensated", "FAULT_PLAN");
        await story.AgreesAsync((complete, "confirmation"), (wrapped, "confirmation"), (insisted, "confirmation"), (declined, "apology"), (refunded, "apology"));
        Assert.Equal("charged 4.98, refunded 0.00", await story.Shop.LedgerAsync(complete));
        Assert.Equal("charged 3.99, refunded 3.99", await story.Shop.LedgerAsync(refunded));
        Assert.Equal(stock - 3, await StockAsync());
        // Only copies under new ids are news to anybody, and none of them changed an order.
        Assert.NotEqual(0, await story.Place.ScalarAsync<long>($"SELECT count(*) FROM checkout.saga_log WHERE order_id = '{complete}' AND status = 'ignored'"));
        Assert.Equal(0, await story.Place.ScalarAsync<long>($"SELECT count(*) FROM ops.dead_letters WHERE saga_id IN ('{complete}', '{wrapped}', '{declined}')"));
    }

    [Fact, Trait("Story", "O10")]
    public async Task Should_have_the_compensation_run_by_the_watchdog_though_all_that_should_have_run_it_is_gone()
    {
        // It has just begun, and nobody answers; the process dies, the scheduler's tables are lost, and so are all messages.
        var order = await story.OrderAsync("CreateShipment refuse, ChargePayment undo-silent 1");
        await story.Place.WaitsForAsync(order, "RefundPayment awaiting 1");
        await story.KillAsync();
        await story.Place.Broker.DeleteQueuesAsync();
        await EmptySchedulerAsync();
        await story.RestartAsync();
        await story.EndOfAsync(order, "Compensated", "FAULT_PLAN");
        Assert.Equal("ChargePayment undone, FreezePrice undone, ReserveInventory undone, CreateOrder undone", await story.Place.UndosAsync(order));
        // Nobody was there to hear an answer: that was no silence.
        Assert.Matches($"Order {order} in state Compensating, awaiting RefundPayment \\(attempt 1\\), (found by the sweep )?[0-9.]+ s past its deadline: unheard, now awaiting RefundPayment \\(attempt 1\\)", story.Shop.Output);
        Assert.Equal("charged 3.99, refunded 3.99", await story.Shop.LedgerAsync(order));
        await story.AgreesAsync((order, "apology"));
    }

    [Fact, Trait("Story", "O11")]
    public async Task Should_hold_everything_while_the_broker_cannot_be_reached_and_undo_nothing()
    {
        var orders = new List<Guid>();
        for (var i = 0; i < 12; i++)
            orders.Add(await story.OrderAsync(Shop.Order()));
        story.Wire.Be(Wire.State.Refusing);
        // Orders are taken all the same.
        orders.AddRange(await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => story.OrderAsync(Shop.Order()))));
        await story.Shop.BecomesAsync(health => health.GetProperty("status").GetString() != "Healthy", Ct);
        // At once, as soon as that is known.
        var soon = Stopwatch.StartNew();
        orders.Add(await story.OrderAsync(Shop.Order()));
        Assert.InRange(soon.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        story.Wire.Be(Wire.State.Mended);
        await story.GoesThroughAsync();
        await story.AllRestAsync();
        foreach (var order in orders)
            await story.EndOfAsync(order, "Complete");
        await story.AgreesAsync([.. orders.Select(order => (order, "confirmation"))]);
    }

    [Fact]
    public async Task Should_find_every_order_by_its_row_though_all_queues_and_all_timers_are_lost()
    {
        // In each state that an order can be in: asked and never answered, at every step and every undo; and some that just begin.
        var waiting = new List<(string What, Guid Order, string End)>();
        foreach (var step in Steps)
            waiting.Add((step.Name, await story.OrderAsync($"{step.Name} silent 1"), "Complete"));
        foreach (var step in Steps.Where(step => !step.PastReturn))
            waiting.Add((step.Undo!, await story.OrderAsync($"CreateShipment throw, {step.Name} undo-silent 1"), "Compensated"));
        foreach (var (what, order, _) in waiting)
            await story.Place.WaitsForAsync(order, $"{what} awaiting 1");
        for (var i = 0; i < 10; i++)
            waiting.Add(("anything", await story.OrderAsync(Shop.Order(token: i % 3 == 0 ? "tok_declined" : "tok_visa")), i % 3 == 0 ? "Compensated" : "Complete"));
        await story.Place.Broker.DeleteQueuesAsync();
        await EmptySchedulerAsync();

        await story.GoesThroughAsync();
        await story.AllRestAsync();
        foreach (var (what, order, end) in waiting)
            Assert.Equal((what, end), (what, (await story.Shop.ReadAsync(order, Ct)).GetProperty("state").GetString()));
        // Nobody has to guess what was done about them, and why.
        foreach (var (_, order, _) in waiting.Where(w => w.What != "anything"))
            Assert.Matches($"Order {order} in state \\w+, awaiting \\w+ \\(attempt 1\\), .* s past its deadline: (asked again|silent|unheard), ", story.Shop.Output);
        // An ending may have been in a queue that was deleted: who was to hear of it asks after five minutes.
        await story.AdvanceAsync(TimeSpan.FromMinutes(7));
        await story.AgreesAsync([.. waiting.Select(w => (w.Order, w.End == "Complete" ? "confirmation" : "apology"))]);
    }

    private Task<long> StockAsync() => story.Place.ScalarAsync<long>("SELECT on_hand FROM inventory.stock WHERE product_id = 'sku-pear'");

    private Task<int> EmptySchedulerAsync() => story.Place.ScalarAsync<int>("""
        DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables WHERE schemaname = 'checkout' AND tablename LIKE 'qrtz%'); END $$;
        SELECT 1
        """);
}
