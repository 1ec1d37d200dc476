using System.Globalization;
using System.Net;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Operators;

[Collection(nameof(OperatedShop))]
public class When_operators_look_after_dead_letters(OperatedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_see_them_decide_about_them_and_be_remembered()
    {
        await PoisonAsync("CUR", 2);
        var letters = await UntilAsync("CUR", 2);
        var (kept, discarded) = (letters[0].Text("id"), letters[1].Text("id"));
        var file = await shop.GetAsync($"/ops/dead-letters/{kept}");
        Assert.Equal(("order-state", "SubmitOrder", "NotAcceptedException", "waiting", "***"), (file.Text("queue"), file.Text("messageType"), file.Text("cause"), file.Text("status"), file.GetProperty("body").GetProperty("payment").Text("token")));
        Assert.Contains("NotAcceptedException", file.Text("details"), StringComparison.Ordinal);
        Assert.Equal("urn:message:OrderSaga.Contracts:SubmitOrder", file.GetProperty("headers").Text("MT-MessageType"));

        // It fails again: one letter, counted up.
        Assert.Equal("replaying", (await shop.PostAsync($"/ops/dead-letters/{kept}/replay", new { reason = "a try" }, key: OperatedShop.Anns)).Text("status"));
        while ((await shop.GetAsync($"/ops/dead-letters/{kept}")) is var now && (now.Text("status"), now.GetProperty("times").GetInt32()) != ("waiting", 2))
            await Task.Delay(50, Ct);
        Assert.Equal("discarded", (await shop.PostAsync($"/ops/dead-letters/{discarded}/discard", new { reason = "a test" }, key: OperatedShop.Anns)).Text("status"));
        await shop.PostAsync($"/ops/dead-letters/{discarded}/discard", new { reason = "again" }, HttpStatusCode.OK);
        Assert.Equal("It is discarded by ann.", (await shop.PostAsync($"/ops/dead-letters/{discarded}/replay", expected: HttpStatusCode.Conflict)).Text("detail"));
        Assert.Equal([kept], (await UntilAsync("CUR", 1)).Select(l => l.Text("id")));

        var audit = (await shop.GetAsync("/ops/audit")).GetProperty("audit").EnumerateArray().Where(a => a.Text("deadLetterId") is { } of && (of == kept || of == discarded))
            .Select(a => $"{a.Text("actor")} {a.Text("action")} {a.Text("outcome")} {a.Text("reason")}");
        Assert.Equal(["operator replay denied ", "operator discard ignored again", "ann discard discarded a test", "ann replay replaying a try"], audit);
        Assert.InRange((await shop.GetAsync("/ops/summary")).GetProperty("deadLetters").GetProperty("waiting").GetInt32(), 1, 100);
        var (_, health) = await shop.Shop.BecomesAsync(h => h.GetProperty("checks").GetProperty("deadLetters").Text("description") is not null, Ct);
        Assert.Matches("^[0-9]+ dead letters wait for a person", health.GetProperty("checks").GetProperty("deadLetters").Text("description"));
        Assert.Equal("Healthy", health.Text("status"));
    }

    [Fact]
    public async Task Should_replay_many_only_as_long_as_they_come_through_and_discard_the_rest()
    {
        await PoisonAsync("BLK", 8);
        var letters = await UntilAsync("BLK", 8);
        var since = $"since={Uri.EscapeDataString(letters[0].Text("at")!)}&cause=NotAcceptedException";
        var dry = await shop.PostAsync($"/ops/dead-letters/replay?{since}", new { dryRun = true }, HttpStatusCode.OK);
        Assert.Equal((8, true, 0, 8), (Number(dry, "matched"), dry.GetProperty("dryRun").GetBoolean(), Number(dry, "done"), Number(dry, "left")));
        var bulk = await shop.PostAsync($"/ops/dead-letters/replay?{since}", new { reason = "the import is mended" }, HttpStatusCode.OK, OperatedShop.Anns);
        Assert.Equal((0, 1, 7, "failures"), (Number(bulk, "done"), Number(bulk, "failed"), Number(bulk, "left"), bulk.Text("stopped")));
        Assert.Equal(("It failed again.", letters[0].Text("id")), (bulk.GetProperty("failures")[0].Text("why"), bulk.GetProperty("failures")[0].Text("id")));
        // Only the one that was tried has been counted up; it is the youngest now.
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 2], (await UntilAsync("BLK", 8)).Select(l => Number(l, "times")));

        var run = await RunAsync("dead-letters", "discard", "--all", "--since", letters[0].Text("at")!, "--cause", "NotAcceptedException", "--reason", "sent again since");
        Assert.Equal((0, "8 done, 0 refused, 0 failed, 0 not tried.\n"), (run.ExitCode, run.Output));
        Assert.Contains("8 of 8: 8 done", run.Error, StringComparison.Ordinal);
        await UntilAsync("BLK", 0);
        Assert.Equal(8, await shop.Place.ScalarAsync<long>("SELECT count(*) FROM ops.audit WHERE action = 'discard' AND reason = 'sent again since' AND actor = 'operator'"));
    }

    [Fact]
    public async Task Should_work_from_the_command_line()
    {
        await PoisonAsync("CLI", 1);
        var id = Assert.Single(await UntilAsync("CLI", 1)).Text("id")!;
        Assert.Matches(@"\n\d+ +order-state +SubmitOrder +20.*NotAcceptedException\n", (await RunAsync("dead-letters", "list", "--queue", "order-state")).Output);
        Assert.Contains(id, (await RunAsync("dead-letters", "list", "--cause", "NotAcceptedException", "--each")).Output, StringComparison.Ordinal);
        var shown = await RunAsync("dead-letters", "show", id);
        Assert.Equal((0, ""), (shown.ExitCode, shown.Error));
        Assert.Contains($"Dead letter {id}: SubmitOrder in order-state, waiting", shown.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("tok_visa", shown.Output, StringComparison.Ordinal);
        var failed = await RunAsync("dead-letters", "replay", "--all", "--since", "1h", "--queue", "order-state", "--json");
        Assert.Equal(1, failed.ExitCode);
        Assert.Equal(1, Number(JsonElement.Parse(failed.Output), "failed"));
        Assert.Contains("It stopped (failures)", failed.Error, StringComparison.Ordinal);
        var discarded = await RunAsync("dead-letters", "discard", id, "--reason", "a test");
        Assert.Equal((0, "", $"Dead letter {id} is discarded now.\n"), (discarded.ExitCode, discarded.Error, discarded.Output));
        Assert.Contains("decided", (await RunAsync("dead-letters", "show", id)).Output, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(2, (await RunAsync("dead-letters", "discard", id)).ExitCode);
        Assert.Equal(1, (await RunAsync("dead-letters", "show", $"{Guid.NewGuid()}")).ExitCode);
    }

    private static int Number(JsonElement element, string property) => element.GetProperty(property).GetInt32();

    // Orders by bus that no repetition would make acceptable; each test has a mark of its own in their currency.
    private async Task PoisonAsync(string mark, int count)
    {
        for (var i = 0; i < count; i++)
            await ((ServersPlace)shop.Place).PublishAsync("submit-order", new
            {
                orderId = Guid.NewGuid(), customer = new { id = "c-poison", email = "a@example.org" }, currency = "EUR", lines = new[] { new { productId = "sku-apple", quantity = 0, unitPrice = (decimal?)null } },
                shippingAddress = new { name = mark, street = "B 1", city = "C", postalCode = "12345", country = "DE" }, payment = new { token = "tok_visa" },
            }, "SubmitOrder");
    }

    // Those that wait with the mark, once there are so many.
    private async Task<IReadOnlyList<JsonElement>> UntilAsync(string mark, int count)
    {
        for (var i = 0; ; i++)
        {
            var ids = await shop.Place.RowsAsync($"SELECT id FROM ops.dead_letters WHERE status = 'waiting' AND convert_from(body, 'UTF8') LIKE '%\"{mark}\"%'", row => row.GetGuid(0));
            if (ids.Count == count)
                return [.. (await shop.GetAsync("/ops/dead-letters?queue=order-state")).GetProperty("deadLetters").EnumerateArray().Where(l => ids.Contains(l.GetProperty("id").GetGuid()))];
            Assert.True(i < 300, string.Create(CultureInfo.InvariantCulture, $"{ids.Count} instead of {count} wait."));
            await Task.Delay(100, Ct);
        }
    }

    private Task<Command> RunAsync(params string[] command) =>
        Command.RunAsync(shop.Place.Folder, [.. command, "--url", shop.Shop.Http.BaseAddress!.ToString()], Ct, ("Ops__ApiKey", OperatedShop.Key));
}

[Collection(nameof(OperatedShop))]
public class When_operators_act_on_many(OperatedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_hold_orders_let_them_go_on_and_cancel_them()
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, 7).Select(_ => shop.PlaceAsync("c-held", "ChargePayment silent")));
        foreach (var id in ids)
            await shop.UntilAsync(id, order => order.Text("state") == "PriceFrozen");
        Assert.Equal((7, 7, 0), Counts(await ActAsync("orders/pause?customer=c-held", new { reason = "a look" })));
        Assert.Equal((0, 0, 0), Counts(await ActAsync("orders/pause?customer=c-held")));
        Assert.Equal(7, (await shop.GetAsync("/ops/orders?customer=c-held&paused=true")).Ids("orders").Count);
        Assert.Equal((7, 0, 0), Counts(await ActAsync("orders/resume?customer=c-held", new { dryRun = true })));
        // As many as a call may, and the rest by the page that it names.
        var some = await ActAsync("orders/resume?customer=c-held", new { most = 5 });
        Assert.Equal((7, 5, 0), Counts(some));
        Assert.Equal((2, 2, 0), Counts(await ActAsync($"orders/resume?customer=c-held&page={some.Text("next")}")));
        Assert.Equal((7, 7, 0), Counts(await ActAsync("orders/cancel?customer=c-held", new { reason = "TEST" })));
        foreach (var id in ids)
        {
            Assert.Equal("Compensated", (await shop.Shop.AtRestAsync(id, Ct)).Text("state"));
            var audit = (await shop.GetAsync($"/ops/audit?order={id}")).GetProperty("audit").EnumerateArray().Select(a => $"{a.Text("actor")} {a.Text("action")} {a.Text("outcome")}");
            Assert.Equal(["ann cancel cancelled", "ann resume resumed", "ann pause paused"], audit);
        }
    }

    [Fact]
    public async Task Should_retry_what_is_stuck_only_as_long_as_it_succeeds()
    {
        var mended = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => shop.PlaceAsync("c-mended", "CreateShipment refuse, ReserveInventory undo-throw 2")));
        var broken = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => shop.PlaceAsync("c-broken", "CreateShipment refuse, ReserveInventory undo-throw")));
        foreach (var id in mended.Concat(broken))
            Assert.Equal("Failed", (await shop.Shop.AtRestAsync(id, Ct)).Text("state"));
        var run = await RunAsync("stuck", "retry", "--all", "--customer", "c-mended", "--reason", "the shelf is open", "--json");
        Assert.Equal((0, 3), (run.ExitCode, JsonElement.Parse(run.Output).GetProperty("done").GetInt32()));
        foreach (var id in mended)
        {
            Assert.Equal("Compensated", (await shop.Shop.AtRestAsync(id, Ct)).Text("state"));
            Assert.Equal("the shelf is open", Assert.Single((await shop.GetAsync($"/ops/audit?order={id}")).GetProperty("audit").EnumerateArray()).Text("reason"));
        }

        var stopped = await RunAsync("stuck", "retry", "--all", "--customer", "c-broken", "--step", "reserveinventory");
        Assert.Equal((1, "0 done, 0 refused, 1 failed, 2 not tried."), (stopped.ExitCode, stopped.Output.Split('\n')[0]));
        Assert.Contains("It stopped (failures)", stopped.Error, StringComparison.Ordinal);
        // The one that was tried is tried to its end.
        while ((await shop.GetAsync("/ops/stuck?customer=c-broken")).GetProperty("stuck").EnumerateArray().Any(s => s.Text("status") != "stuck"))
            await Task.Delay(50, Ct);
        Assert.Equal("It would be done to 3.\n", (await RunAsync("stuck", "resolve", "--all", "--customer", "c-broken", "--reason", "counted", "--evidence", "list", "--dry-run")).Output);
        Assert.Equal(0, (await RunAsync("stuck", "resolve", "--all", "--customer", "c-broken", "--reason", "counted", "--evidence", "list of May 4")).ExitCode);
        foreach (var id in broken)
            await shop.UntilAsync(id, order => order.Text("state") == "Compensated");
    }

    [Fact]
    public async Task Should_see_which_alerts_arrived_and_send_one_again()
    {
        var id = shop.Stuck[2];
        var alert = Assert.Single((await shop.GetAsync($"/ops/alerts?orderId={id}&state=kept")).GetProperty("alerts").EnumerateArray());
        Assert.Contains("ReleaseInventory is stuck", alert.Text("alert"), StringComparison.Ordinal);
        Assert.Equal("waiting", (await shop.PostAsync($"/ops/alerts/{alert.Text("id")}/resend", key: OperatedShop.Anns)).Text("state"));
        // This shop names nobody who would take it.
        while ((await shop.GetAsync($"/ops/alerts?orderId={id}&state=givenUp")).GetProperty("alerts").GetArrayLength() == 0)
            await Task.Delay(50, Ct);
        Assert.Matches($"{alert.Text("id")} .*givenUp +1 +{id} .*Alerts:Webhook", (await RunAsync("alerts", "list", "--state", "givenup")).Output);
        Assert.Equal(0, (await RunAsync("alerts", "resend", alert.Text("id")!)).ExitCode);
        Assert.Contains((await shop.GetAsync($"/ops/audit?order={id}")).GetProperty("audit").EnumerateArray(), a => a.Text("alertId") == alert.Text("id") && a.Text("actor") == "ann" && a.Text("action") == "resend");
        Assert.InRange((await shop.GetAsync("/ops/summary")).GetProperty("alerts").GetProperty("givenUp").GetInt32(), 0, 10);
    }

    private static (int Matched, int Done, int Failed) Counts(JsonElement bulk) => (bulk.GetProperty("matched").GetInt32(), bulk.GetProperty("done").GetInt32(), bulk.GetProperty("failed").GetInt32());

    private Task<JsonElement> ActAsync(string path, object? body = null) => shop.PostAsync($"/ops/{path}", body, HttpStatusCode.OK, OperatedShop.Anns);

    private Task<Command> RunAsync(params string[] command) =>
        Command.RunAsync(shop.Place.Folder, [.. command, "--url", shop.Shop.Http.BaseAddress!.ToString()], Ct, ("Ops__ApiKey", OperatedShop.Key));
}
