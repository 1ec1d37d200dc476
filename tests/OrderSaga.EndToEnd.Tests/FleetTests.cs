using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Roles in processes of their own behave as one shop, whatever the order in which they start, and whoever dies.</summary>
public class When_roles_are_spread_over_processes
{
    private static readonly string[] Development = ["--environment", "Development"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_one_shop_though_each_role_has_a_database_of_its_own()
    {
        await using var place = await ServersPlace.EmptyAsync();
        string[] owners = ["orchestrator", "orders", "inventory", "pricing", "payment", "shipping", "notification", "gateway"];
        var databases = new Dictionary<string, TestDatabase>();
        try
        {
            foreach (var owner in owners)
                databases[owner] = await TestDatabase.CreateAsync();
            // Web first: it takes orders before there is anybody to carry them out. The orchestrator last.
            string[] own = [.. databases.SelectMany(d => new[] { $"--Database:{d.Key}:ConnectionString", d.Value.ConnectionString })];
            await using var fleet = await Fleet.StartAsync(place, ["web"], Ct, [.. Development, .. own]);
            var early = await PlaceAsync(fleet.Web);
            await Task.WhenAll(Settings.AllRoles.Except(["web", "orchestrator"]).Select(role => fleet.AddAsync(role, Ct)));
            await fleet.AddAsync("orchestrator", Ct);

            var declined = await PlaceAsync(fleet.Web, "tok_declined");
            Assert.Equal("Compensated", (await fleet.Web.AtRestAsync(declined, Ct)).GetProperty("state").GetString());
            Assert.Equal("Complete", (await fleet.Web.AtRestAsync(await PlaceAsync(fleet.Web), Ct)).GetProperty("state").GetString());
            Assert.Equal("Complete", (await fleet.Web.AtRestAsync(early, Ct)).GetProperty("state").GetString());
            await BooksAgreeAsync(fleet.Web);
            foreach (var (owner, database) in databases)
                Assert.Equal((owner, owner == "orchestrator" ? "checkout" : owner), (owner, await SchemasAsync(database)));
            Assert.Equal("ops", await place.ScalarAsync<string>(Schemas));
        }
        finally
        {
            foreach (var database in databases.Values)
                await database.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("orchestrator", "web,orders,inventory,pricing", "payment,shipping,notification")]
    [InlineData("payment,shipping", "orchestrator,web", "orders,inventory,pricing,notification")]
    public async Task Should_lose_nothing_when_one_is_killed_while_orders_are_under_way(string first, params string[] others)
    {
        await using var place = await ServersPlace.EmptyAsync();
        await using var fleet = await Fleet.StartAsync(place, [first, .. others], Ct, [.. Development, "--Checkout:StepTime", "00:00:30"]);
        var placed = await Task.WhenAll(Enumerable.Range(0, 30).Select(n => PlaceAsync(fleet.Web, n % 5 == 0 ? "tok_declined" : "tok_visa")));
        await fleet.KillAsync(fleet.Shops[0]);
        await fleet.AddAsync(first, Ct);
        foreach (var (id, n) in placed.Select((id, n) => (id, n)))
        {
            var end = await fleet.Web.AtRestAsync(id, Ct);
            Assert.Equal((id, n % 5 == 0 ? "Compensated" : "Complete"), (id, end.GetProperty("state").GetString()));
        }

        await Books.AgreeAsync(place, Ct);
        await BooksAgreeAsync(fleet.Web);
    }

    [Fact]
    public async Task Should_leave_at_the_broker_what_reads_well_and_nothing_else()
    {
        await using var place = await ServersPlace.MakeAsync();
        string[] queues = ["alerts", "dead-letters", "inventory", "notification", "order-state", "orders", "payment", "pricing", "shipping"];
        await using (var fleet = await Fleet.StartAsync(place, Ct, Development))
        {
            foreach (var token in new[] { "tok_visa", "tok_declined" })
                await fleet.Web.AtRestAsync(await PlaceAsync(fleet.Web, token), Ct);
            // No process has a queue of its own, not even while it runs.
            Assert.Equal(queues, (await place.Broker.QueuesAsync()).Keys.Order(StringComparer.Ordinal));
            Assert.Equal(
                ["ordersaga orchestrator, web", "ordersaga orders, inventory, pricing, notification", "ordersaga payment, shipping"],
                (await place.Broker.ConnectionsAsync(3)).Order(StringComparer.Ordinal));
        }

        var left = await place.Broker.QueuesAsync();
        Assert.Equal(queues, left.Keys.Order(StringComparer.Ordinal));
        Assert.All(left, queue => Assert.Equal((queue.Key, "quorum", true), (queue.Key, queue.Value.GetProperty("type").GetString(), queue.Value.GetProperty("durable").GetBoolean())));
        Assert.All((await place.Broker.ExchangesAsync()).Where(e => e.Length > 0 && !e.StartsWith("amq.", StringComparison.Ordinal)), exchange => Assert.Matches("^[a-z]+(-[a-z]+)*$", exchange));
    }

    [Fact]
    public async Task Should_say_to_a_health_check_how_it_is()
    {
        await using var place = await ServersPlace.MakeAsync();
        await using (var shop = await Shop.StartAsync(place, Ct))
        {
            var well = await Command.RunAsync(place.Folder, ["health", "--urls", $"http://+:{shop.Http.BaseAddress!.Port}"], Ct);
            Assert.Equal((0, ""), (well.ExitCode, well.Error));
            Assert.Contains("Healthy", well.Output, StringComparison.Ordinal);
        }

        var gone = await Command.RunAsync(place.Folder, ["health"], Ct, ("Urls", "http://127.0.0.1:9"));
        Assert.Equal(1, gone.ExitCode);
        Assert.Contains("Nobody answers at http://127.0.0.1:9", gone.Error, StringComparison.Ordinal);
    }

    private const string Schemas = "SELECT string_agg(DISTINCT table_schema, ',') FROM information_schema.tables WHERE table_name = 'migrations_history'";

    private static async Task<string?> SchemasAsync(TestDatabase database)
    {
        await using var command = database.Source.CreateCommand(Schemas);
        return (string?)await command.ExecuteScalarAsync(Ct);
    }

    private static async Task<Guid> PlaceAsync(Shop web, string token = "tok_visa")
    {
        using var response = await web.PlaceAsync(Shop.Order(token: token), ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
    }

    // Everybody's, wherever they are; the last ending reaches them a moment after it is read.
    private static async Task BooksAgreeAsync(Shop web)
    {
        for (var i = 0; ; i++)
        {
            var books = await web.Http.GetFromJsonAsync<JsonElement>("/ops/reconciliation?settled=0", Ct);
            Assert.Equal(JsonValueKind.Null, books.GetProperty("notChecked").ValueKind);
            if (books.GetProperty("violations").GetInt32() == 0)
                return;
            Assert.True(i < 200, books.ToString());
            await Task.Delay(50, Ct);
        }
    }
}
