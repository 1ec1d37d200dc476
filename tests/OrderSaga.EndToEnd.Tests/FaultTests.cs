using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>What is planned to go wrong does, and the order ends as it should: told through the public API alone.</summary>
public class When_faults_are_planned
{
    // Silence counts soon; an undo's time must be longer than a participant's own retries take.
    private static readonly string[] Quick =
        ["--Faults:Enabled", "true", "--Checkout:StepTime", "00:00:06", "--Checkout:UndoTime", "00:00:04", "--Checkout:UndoPauses:0", "00:00:00.5", "--Checkout:UndoPauses:1", "00:00:00.5"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("embedded")]
    [InlineData("servers")]
    public async Task Should_end_as_the_rules_say(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        await using var shop = await Shop.StartAsync(place, Ct, more: Quick);
        var stories = new (string Plan, string State, string? Reason, string Steps)[]
        {
            ("ChargePayment refuse", "Compensated", "FAULT_PLAN", "undone undone undone skipped skipped refused waiting waiting"),
            ("CreateOrder refuse", "Compensated", "FAULT_PLAN", "refused waiting waiting skipped skipped waiting waiting waiting"),
            ("ChargePayment throw", "Compensated", "STEP_FAULTED", "undone undone undone skipped skipped undone waiting waiting"),
            ("ReserveInventory silent 1", "Complete", null, "done done done skipped skipped done done done"),
            ("ReserveInventory silent", "Compensated", "STEP_SILENT", "undone undone waiting skipped skipped waiting waiting waiting"),
            ("ChargePayment late", "Compensated", "STEP_SILENT", "undone undone undone skipped skipped undone waiting waiting"),
            ("FreezePrice duplicate", "Complete", null, "done done done skipped skipped done done done"),
            ("SendConfirmation silent 2", "Complete", null, "done done done skipped skipped done done done"),
            ("CreateShipment refuse, ChargePayment undo-throw 1", "Compensated", "FAULT_PLAN", "undone undone undone skipped skipped undone refused waiting"),
            ("CreateShipment refuse, ChargePayment undo-silent 1", "Compensated", "FAULT_PLAN", "undone undone undone skipped skipped undone refused waiting"),
            ("CreateShipment refuse, FreezePrice undo-silent", "Failed", "FAULT_PLAN", "undone undone stuck skipped skipped undone refused waiting"),
        };
        var ends = await Task.WhenAll(stories.Select(async story => (story, end: await EndOfAsync(shop, story.Plan))));
        Assert.All(ends, e => Assert.Equal(
            (e.story.Plan, e.story.State, e.story.Reason, e.story.Steps),
            (e.story.Plan, e.end.GetProperty("state").GetString(), e.end.GetProperty("reason").GetString(), string.Join(' ', e.end.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("status").GetString())))));
        // Nobody who was not charged for good keeps money, stock or a parcel; what is stuck is the price.
        Assert.Equal(ends.Count(e => e.story.State == "Complete"), await place.ScalarAsync<long>("SELECT count(*) FROM payment.charges WHERE status = 'CHARGED'"));
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT sum(reserved)::bigint FROM inventory.stock"));
        Assert.Equal(ends.Count(e => e.story.State == "Complete"), await place.ScalarAsync<long>("SELECT count(*) FROM shipping.shipments WHERE status = 'CREATED'"));
    }

    [Fact]
    public async Task Should_reach_the_gateway_and_leave_books_that_agree()
    {
        await using var place = await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--Faults:Enabled", "true", "--environment", "Development"]);
        var last = Guid.Empty;
        // One after another: together they would look like an outage of the gateway, which is waited out.
        foreach (var (plan, state, reason) in new[]
        {
            ("Gateway throw 2", "Complete", null),
            ("Gateway refuse", "Compensated", "FAULT_PLAN"),
            ("Gateway crash", "Complete", null),
            ("CreateShipment refuse, Gateway undo-throw 2", "Compensated", "FAULT_PLAN"),
        })
        {
            var end = await EndOfAsync(shop, plan);
            last = end.GetProperty("orderId").GetGuid();
            Assert.Equal((plan, state, reason), (plan, end.GetProperty("state").GetString(), end.GetProperty("reason").GetString()));
        }

        var agreed = await ReconcileAsync(shop, violations: 0);
        Assert.Equal(JsonValueKind.Null, agreed.GetProperty("notChecked").ValueKind);
        Assert.Equal(
            ["ghost-charges", "charges", "beliefs", "reservations", "taken", "stock", "shipments", "notifications", "orders"],
            agreed.GetProperty("checks").EnumerateArray().Select(c => c.GetProperty("name").GetString()));

        var logs = await shop.Http.GetFromJsonAsync<JsonElement>($"/ops/orders/{last}/step-log", Ct);
        Assert.Equal(
            [
                "orders CreateOrder done", "inventory ReserveInventory done", "pricing FreezePrice done", "payment ChargePayment done", "shipping CreateShipment refused",
                "payment ChargePayment undone", "pricing FreezePrice undone", "inventory ReserveInventory undone", "orders CreateOrder undone", "notification SendApology done",
            ],
            logs.GetProperty("lines").EnumerateArray().Select(l => $"{l.GetProperty("service")} {l.GetProperty("step")} {l.GetProperty("status")}"));
        Assert.Empty(logs.GetProperty("notAsked").EnumerateArray());

        // Each table is really read: what is made wrong in it is found.
        await place.ScalarAsync<int>("""
            UPDATE payment.charges SET amount = amount + 1 WHERE status = 'CHARGED';
            UPDATE inventory.stock SET reserved = reserved + 1 WHERE product_id = 'sku-apple';
            UPDATE shipping.shipments SET status = 'CANCELLED'; DELETE FROM notification.notifications WHERE kind = 'apology';
            UPDATE orders.orders SET status = 'PENDING' WHERE status = 'CONFIRMED'; SELECT 1
            """);
        var broken = await ReconcileAsync(shop, violations: 2 + 1 + 2 + 2 + 2);
        Assert.Equal("beliefs 2, stock 1, shipments 2, notifications 2, orders 2", string.Join(", ", broken.GetProperty("checks").EnumerateArray()
            .Where(c => c.GetProperty("count").GetInt32() > 0).Select(c => $"{c.GetProperty("name")} {c.GetProperty("count")}")));
    }

    [Fact]
    public async Task Should_show_the_books_to_operators_only()
    {
        await using var place = await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        foreach (var path in new[] { "/ops/reconciliation", $"/ops/orders/{Guid.NewGuid()}/step-log" })
        {
            using var response = await shop.Http.GetAsync(new Uri(path, UriKind.Relative), Ct);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("servers")]
    public async Task Should_go_on_though_it_dies_between_commit_and_answer_of_every_step(string kind)
    {
        string[] steps = ["CreateOrder", "ReserveInventory", "FreezePrice", "WrapGift", "CheckFraud", "ChargePayment", "CreateShipment", "SendConfirmation"];
        await using var place = await Place.OfAsync(kind);
        string[] settings = [.. Quick, "--Checkout:Steps:CheckFraud", "true"];
        await using (var shop = await Shop.StartAsync(place, Ct, more: settings))
        {
            // It may well die before it has answered.
            var plan = Shop.With(string.Join(", ", steps.Select(step => $"{step} crash 1")), giftWrap: true);
            await Task.WhenAny(shop.PlaceAsync(plan, ct: Ct), shop.DiedAsync(Ct));
            Assert.NotEqual(0, await shop.DiedAsync(Ct));
        }

        for (var deaths = 1; deaths < steps.Length; deaths++)
            Assert.NotEqual(0, await Shop.StartAndDieAsync(place, Ct, settings));
        var id = await place.ScalarAsync<Guid>("SELECT order_id FROM checkout.order_state");
        await using var last = await Shop.StartAsync(place, Ct, more: Quick);
        var end = await last.AtRestAsync(id, Ct);
        Assert.Equal("Complete", end.GetProperty("state").GetString());
        Assert.All(end.GetProperty("steps").EnumerateArray(), step => Assert.Equal("done", step.GetProperty("status").GetString()));
        await Books.AgreeAsync(place, Ct);
    }

    [Fact]
    public async Task Should_be_taken_from_a_header_on_the_bus_and_refused_there_if_it_is_none()
    {
        await using var place = await ServersPlace.MakeAsync();
        await using var shop = await Shop.StartAsync(place, Ct, more: Quick);
        var (refused, unread) = (Guid.NewGuid(), Guid.NewGuid());
        await SubmitAsync(place, refused, """[{"step":"ChargePayment","kind":"refuse"}]""");
        await SubmitAsync(place, unread, """[{"step":"ChargePayment","kind":"explode"}]""");
        while (await place.ScalarAsync<long>($"SELECT count(*) FROM checkout.order_state WHERE order_id = '{refused}'") == 0)
            await Task.Delay(50, Ct);
        Assert.Equal("FAULT_PLAN", (await shop.AtRestAsync(refused, Ct)).GetProperty("reason").GetString());
        while (await place.ScalarAsync<long>("SELECT count(*) FROM ops.dead_letters") == 0)
            await Task.Delay(50, Ct);
        Assert.Contains("faults[0].kind", await place.ScalarAsync<string>("SELECT error FROM ops.dead_letters"), StringComparison.Ordinal);
        Assert.Equal(0, await place.ScalarAsync<long>($"SELECT count(*) FROM checkout.order_state WHERE order_id = '{unread}'"));
    }

    [Fact]
    public async Task Should_refuse_a_plan_that_is_none_and_every_plan_where_they_are_not_honoured()
    {
        await using var place = await Place.OfAsync("servers");
        await using (var shop = await Shop.StartAsync(place, Ct, more: Quick))
        {
            foreach (var (plan, field) in new[] { ("Charge refuse", "faults[0].step"), ("ChargePayment burn", "faults[0].kind"), ("ChargePayment refuse 0", "faults[0].times"), ("SendConfirmation undo-throw", "faults[0].kind") })
            {
                using var response = await shop.PlaceAsync(Shop.With(plan), ct: Ct);
                Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
                Assert.Equal([field], (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("errors").EnumerateObject().Select(e => e.Name));
            }
        }

        await using var strict = await Shop.StartAsync(place, Ct);
        using var refused = await strict.PlaceAsync(Shop.With("ChargePayment refuse"), ct: Ct);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));
    }

    // The last ending reaches everybody a moment after it is read.
    private static async Task<JsonElement> ReconcileAsync(Shop shop, int violations)
    {
        for (var i = 0; ; i++)
        {
            var report = await shop.Http.GetFromJsonAsync<JsonElement>("/ops/reconciliation?settled=0", Ct);
            if (report.GetProperty("violations").GetInt32() == violations)
                return report;
            Assert.True(i < 200, report.ToString());
            await Task.Delay(50, Ct);
        }
    }

    private static async Task<JsonElement> EndOfAsync(Shop shop, string plan) => await shop.AtRestAsync(await PlaceAsync(shop, plan), Ct);

    private static async Task<Guid> PlaceAsync(Shop shop, string plan)
    {
        using var response = await shop.PlaceAsync(Shop.With(plan), ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
    }

    private static Task SubmitAsync(ServersPlace place, Guid id, string faults)
    {
        var order = JsonNode.Parse(Shop.Order().GetRawText())!;
        order["orderId"] = id;
        return place.Broker.PublishAsync("submit-order", order.ToJsonString(), new Dictionary<string, string> { ["MT-MessageType"] = "urn:message:OrderSaga.Contracts:SubmitOrder", ["faults"] = faults });
    }
}
