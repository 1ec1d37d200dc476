using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Crashes;

/// <summary>47 orders stand in every state there is when everything is killed. Everything is started again, and each comes to its own end.</summary>
public class When_a_deployment_kills_47_orders_under_way
{
    private static readonly string[] Steps = ["CreateOrder", "ReserveInventory", "FreezePrice", "WrapGift", "CheckFraud", "ChargePayment", "CreateShipment", "SendConfirmation"];
    private static readonly Dictionary<string, string> Undos = new()
    {
        ["CreateOrder"] = "CancelOrder", ["ReserveInventory"] = "ReleaseInventory", ["FreezePrice"] = "ReleasePrice", ["WrapGift"] = "UnwrapGift",
        ["CheckFraud"] = "WithdrawFraudCheck", ["ChargePayment"] = "RefundPayment", ["CreateShipment"] = "CancelShipment",
    };

    // Long enough that nothing moves by itself while they are arranged; after that the clock is moved.
    private static readonly string[] Settings =
        ["--environment", "Development", "--Checkout:UndoTime", "00:00:30", "--Checkout:UndoPauses:0", "00:00:00.2", "--Checkout:UndoPauses:1", "00:00:00.2", "--Checkout:Steps:CheckFraud", "true"];

    private static readonly string[] Stuck = ["CreateOrder", "ReserveInventory", "FreezePrice", "ChargePayment"], Paused = ["ReserveInventory", "ChargePayment", "SendConfirmation"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory, InlineData("embedded"), InlineData("servers"), Trait("Story", "O4")]
    public async Task Should_bring_each_to_its_end_and_do_no_completed_step_again(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        var (orders, before) = await KillAsync(place);
        Assert.Equal(47, orders.Count);

        await using var shop = await Shop.StartAsync(place, Ct, more: Settings);
        await ResumesAsync(place, shop, orders);
        // Nobody moved those that a person has to move.
        Assert.All(await StandAsync(place, orders), o => Assert.Equal((o.Order, o.Order.Person == "retry" ? "Failed" : o.Rests ? o.Order.End : o.Order.Person), (o.Order, o.Rests ? o.State : "resume")));
        foreach (var order in orders)
            await FinishAsync(shop, order);
        await UntilAsync(place, orders, all => all.All(o => o.State == o.Order.End), shop);
        await Books.AgreeAsync(place, Ct);

        // What a step had answered before it was not asked for again after it, and what the services had done they did not do again.
        Assert.Empty((await AsksAsync(place, after: before.Log)).Intersect(before.Done));
        Assert.Superset(before.StepLog.ToHashSet(), (await StepLogAsync(place)).ToHashSet());
        // What was resumed was resumed for a reason that stands in the log, with where it was and what is asked next.
        var why = place is EmbeddedPlace ? "left behind by the last process: asked again" : "(found by the sweep )?[0-9.]+ s past its deadline: unheard";
        Assert.All(orders.Where(o => o.WaitsForAnswer), o => Assert.Matches($"Order {o.Id} in state \\w+, awaiting {o.Asked} \\(attempt \\d\\), {why}, now awaiting {o.Asked} ", shop.Output));
    }

    /// Arranges them, and kills what they are in the hands of.
    private static async Task<(IReadOnlyList<Order> Orders, Before Before)> KillAsync(Place place)
    {
        // Apart from the others, so that it can be away: then confirmations and apologies wait as well.
        await using var notification = place is EmbeddedPlace ? null : await Shop.StartAsync(place, Ct, "notification", Settings);
        await using var shop = await Shop.StartAsync(place, Ct, place is EmbeddedPlace ? null : "orchestrator,web,orders,inventory,pricing,payment,shipping", Settings);
        List<Order> orders = [.. await PlaceAsync(shop, AtRest())];
        await UntilAsync(place, orders, all => all.All(o => o.State == o.Order.State), shop);
        if (notification is not null)
            await notification.KillAsync();
        orders.AddRange(await PlaceAsync(shop, UnderWay()));
        await UntilAsync(place, orders, all => all.All(o => o.Order.Asked is null || o.Asked == o.Order.Asked), shop);
        foreach (var order in orders.Where(o => o.Person == "resume"))
        {
            await ActAsync(shop, $"/ops/orders/{order.Id}/pause");
            if (order.End == "Compensated")
                await ActAsync(shop, $"/orders/{order.Id}/cancel");
        }

        orders.AddRange(await PlaceAsync(shop, JustPlaced(place)));
        if (notification is not null)
            await UntilAsync(place, orders, all => all.All(o => o.Order.Asked is null || o.Asked == o.Order.Asked), shop);
        await shop.KillAsync();
        return (orders, new(await place.ScalarAsync<long>("SELECT count(*) FROM checkout.saga_log"), await DoneAsync(place), await StepLogAsync(place)));
    }

    private static IEnumerable<Order> AtRest() =>
    [
        .. Two(() => new Order(Shop.Order(), "Complete", "Complete")),
        .. Two(() => new Order(Shop.Order(token: "tok_declined"), "Compensated", "Compensated")),
        // Three tries, then the undo is stuck.
        .. Stuck.Select(step => new Order(Shop.With($"CreateShipment refuse, {step} undo-throw 3"), "Failed", "Compensated") { Person = "retry", Step = step }),
    ];

    private static IEnumerable<Order> UnderWay() =>
    [
        // Asked for, and nothing done.
        .. Steps.SelectMany(step => Two(() => new Order(Shop.With($"{step} silent 1", giftWrap: true), "", "Complete") { Asked = step })),
        // Done, and its answer lost with the process.
        .. Steps.Select(step => new Order(Shop.With($"{step} late 1", giftWrap: true), "", "Complete") { Asked = step }),
        .. Undos.Select(u => new Order(Shop.With($"CreateShipment {(u.Key == "CreateShipment" ? "throw" : "refuse")}, {u.Key} undo-silent 1", giftWrap: true), "", "Compensated") { Asked = u.Value }),
        .. Paused.Select(step => new Order(Shop.With($"{step} silent 1"), "", "Complete") { Asked = step, Person = "resume" }),
        new Order(Shop.With("CreateShipment silent 1"), "", "Compensated") { Asked = "CreateShipment", Person = "resume" },
    ];

    // On servers they come to the confirmation or the apology, which nobody hears.
    private static IEnumerable<Order> JustPlaced(Place place) =>
    [
        .. Two(() => new Order(Shop.Order(), "", "Complete") { Asked = place is EmbeddedPlace ? null : "SendConfirmation" }),
        .. Two(() => new Order(Shop.Order(token: "tok_declined"), "", "Compensated") { Asked = place is EmbeddedPlace ? null : "SendApology" }),
    ];

    private static IEnumerable<Order> Two(Func<Order> make) => [make(), make()];

    private static async Task<IReadOnlyList<Order>> PlaceAsync(Shop shop, IEnumerable<Order> orders) => await Task.WhenAll(orders.Select(async order =>
    {
        using var response = await shop.PlaceAsync(order.Body, ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return order with { Id = (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid() };
    }));

    // On servers what was asked is not asked again before its time: the clock brings that on.
    private static async Task ResumesAsync(Place place, Shop shop, IReadOnlyList<Order> orders)
    {
        for (var i = 0; (await StandAsync(place, orders)).Any(o => !o.Rests && o.Order.Person is null); i++)
        {
            Assert.True(i < 60, $"They do not come to rest: {string.Join('\n', (await StandAsync(place, orders)).Where(o => !o.Rests))}\n{shop.Output}");
            if (place is not EmbeddedPlace && i % 4 == 0)
                (await shop.Http.PostAsJsonAsync("/ops/clock/advance", new { seconds = 10 }, Ct)).EnsureSuccessStatusCode().Dispose();
            await Task.Delay(250, Ct);
        }
    }

    private static Task FinishAsync(Shop shop, Order order) => order.Person switch
    {
        null => Task.CompletedTask,
        "retry" => ActAsync(shop, $"/ops/stuck/{order.Id}/{order.Step}/retry"),
        _ => ActAsync(shop, $"/ops/orders/{order.Id}/resume"),
    };

    private static async Task ActAsync(Shop shop, string path)
    {
        using var response = await shop.Http.PostAsync(new Uri(path, UriKind.Relative), null, Ct);
        Assert.Equal((path, HttpStatusCode.Accepted), (path, response.StatusCode));
    }

    private static async Task<IReadOnlyList<Stand>> StandAsync(Place place, IReadOnlyList<Order> orders)
    {
        var rows = await place.RowsAsync("SELECT order_id, current_state, asked, ended_at IS NOT NULL FROM checkout.order_state", r => (Id: r.GetGuid(0), State: r.GetString(1), Asked: r.IsDBNull(2) ? null : r.GetString(2), Rests: r.GetBoolean(3)));
        return [.. orders.Join(rows, o => o.Id, r => r.Id, (o, r) => new Stand(o, r.State, r.Asked, r.Rests))];
    }

    private static async Task UntilAsync(Place place, IReadOnlyList<Order> orders, Func<IReadOnlyList<Stand>, bool> so, Shop shop)
    {
        for (var i = 0; ; i++)
        {
            var stand = await StandAsync(place, orders);
            if (so(stand))
                return;
            Assert.True(i < 300, $"They do not come to stand so:\n{string.Join('\n', stand)}\n{shop.Output}");
            await Task.Delay(100, Ct);
        }
    }

    private static Task<IReadOnlyList<string>> DoneAsync(Place place) =>
        place.RowsAsync("SELECT order_id, step FROM checkout.saga_log WHERE direction = 'do' AND status = 'done'", r => $"{r.GetGuid(0)} {r.GetString(1)}");

    private static async Task<IReadOnlyList<string>> AsksAsync(Place place, long after) =>
        await place.RowsAsync($"SELECT order_id, asks FROM (SELECT order_id, asks, row_number() OVER (ORDER BY at) AS n FROM checkout.saga_log) l WHERE n > {after} AND asks IS NOT NULL", r => $"{r.GetGuid(0)} {r.GetString(1)}");

    private static async Task<IReadOnlyList<string>> StepLogAsync(Place place)
    {
        var rows = new List<string>();
        foreach (var service in new[] { "orders", "inventory", "pricing", "payment", "shipping", "notification" })
            rows.AddRange(await place.RowsAsync($"SELECT order_id, step, undo, status, at FROM {service}.step_log", r => $"{service} {r.GetGuid(0)} {r.GetString(1)} {r.GetBoolean(2)} {r.GetString(3)} {r.GetDateTime(4):O}"));
        return rows;
    }

    /// <summary>One of the 47.</summary>
    /// <param name="Body">What is posted.</param>
    /// <param name="State">The state it rests in before, if it does.</param>
    /// <param name="End">The state it ends in.</param>
    private sealed record Order(JsonElement Body, string State, string End)
    {
        public Guid Id { get; init; }

        /// <summary>What it waits for when everything is killed.</summary>
        public string? Asked { get; init; }

        /// <summary>What a person has to do with it.</summary>
        public string? Person { get; init; }

        /// <summary>The step whose undo is stuck.</summary>
        public string? Step { get; init; }

        /// <summary>Whether nobody would answer it if it were not asked again.</summary>
        public bool WaitsForAnswer => Person is null && Asked is not null && Body.TryGetProperty("faults", out _);

        public override string ToString() => $"{Id} {Body.GetProperty("payment")} {(Body.TryGetProperty("faults", out var faults) ? faults.ToString() : "")} {Person}";
    }

    private sealed record Stand(Order Order, string State, string? Asked, bool Rests);

    /// <summary>What stood in the books before.</summary>
    /// <param name="Log">How many rows the orders' log had.</param>
    /// <param name="Done">Order and step of all that was answered.</param>
    /// <param name="StepLog">All rows of the services' logs.</param>
    private sealed record Before(long Log, IReadOnlyList<string> Done, IReadOnlyList<string> StepLog);
}
