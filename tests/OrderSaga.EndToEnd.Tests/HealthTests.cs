using System.Diagnostics;
using System.Net;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Each thing that a process needs is broken for real.</summary>
public class When_health_is_asked
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("shipping")]
    [InlineData("orchestrator")]
    [InlineData("payment,notification")]
    public async Task Should_answer_in_a_process_of_any_role(string roles)
    {
        await using var place = await ServersPlace.EmptyAsync();
        await using var shop = await Shop.StartAsync(place, Ct, roles);
        foreach (var path in new[] { "/health/live", "/alive", "/health/ready", "/health" })
        {
            using var response = await shop.Http.GetAsync(path, Ct);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        var (_, health) = await shop.HealthAsync(Ct);
        Assert.Equal("Healthy", health.GetProperty("status").GetString());
        Assert.Equal(roles == "orchestrator", health.GetProperty("checks").TryGetProperty("sweep", out _));
        Assert.Equal(roles.Contains("payment", StringComparison.Ordinal), health.GetProperty("checks").TryGetProperty("gateway", out _));
    }

    [Fact]
    public async Task Should_say_what_is_wrong_with_the_database_and_get_well_again()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var wire = place.WireToDatabase();
        await using var shop = await Shop.StartAsync(place, Ct, more: place.Through(wire));

        wire.Be(Wire.State.Refusing);
        await UnreadyAsync(shop, "database", "does not answer: see that it runs");
        using (var live = await shop.Http.GetAsync("/health/live", Ct))
            Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        wire.Be(Wire.State.Mended);
        await shop.ReadyAsync(Ct);

        wire.Be(Wire.State.Hanging);
        await UnreadyAsync(shop, "database", "2 s");
        var watch = Stopwatch.StartNew();
        await UnreadyAsync(shop, "database", "2 s");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"A check that hangs is given up after 2 s, not {watch.Elapsed}.");
        wire.Be(Wire.State.Mended);
        await shop.ReadyAsync(Ct);

        await place.DatabaseIsAwayAsync(true);
        await UnreadyAsync(shop, "database", "does not answer");
        await place.DatabaseIsAwayAsync(false);
        await shop.ReadyAsync(Ct);

        await place.ScalarAsync<int>("UPDATE inventory.migrations_history SET \"MigrationId\" = 'x' || \"MigrationId\"; SELECT 1");
        await UnreadyAsync(shop, "database", "The schema of inventory is older than this version needs");
        await place.ScalarAsync<int>("DROP TABLE inventory.migrations_history; SELECT 1");
        await UnreadyAsync(shop, "database", "refuses what is asked of it");
        Assert.DoesNotContain("   at ", shop.Output.Split("Not ready:")[^1].Split('\n')[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_that_the_broker_is_away_while_orders_are_still_accepted()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var wire = place.WireToBroker();
        await using var shop = await Shop.StartAsync(place, Ct, more: place.Through(broker: wire));
        wire.Be(Wire.State.Refusing);
        await UnreadyAsync(shop, "broker", "see that the broker runs");
        wire.Be(Wire.State.Mended);
        await shop.ReadyAsync(Ct);
    }

    [Fact]
    public async Task Should_say_what_orders_wait_for()
    {
        await using var place = await ServersPlace.MakeAsync();
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--Payment:GatewayUrl", "http://127.0.0.1:1"]);
        using var accepted = await shop.PlaceAsync(Shop.Order(), ct: Ct);
        var (status, health) = await shop.BecomesAsync(h => h.GetProperty("status").GetString() == "Degraded", Ct);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("Payment:GatewayUrl", health.GetProperty("checks").GetProperty("gateway").GetProperty("description").GetString(), StringComparison.Ordinal);

        await place.ScalarAsync<int>("UPDATE checkout.order_state SET route = replace(route, 'FreezePrice', 'GrantPoints'); SELECT 1");
        await UnreadyAsync(shop, "routes", "GrantPoints");
        await place.ScalarAsync<int>("UPDATE checkout.saga_log SET at = now() - interval '10 minutes', outgoing = 'not to be sent' WHERE seq = 1; SELECT 1");
        await UnreadyAsync(shop, "backlog", "Messages are unsent since");
        await place.ScalarAsync<int>("UPDATE checkout.saga_log SET outgoing = NULL; UPDATE checkout.order_state SET route = replace(route, 'GrantPoints', 'FreezePrice'); SELECT 1");
        await shop.BecomesAsync(h => h.GetProperty("status").GetString() == "Degraded", Ct);
    }

    [Fact]
    public async Task Should_cost_little_however_many_ask()
    {
        await using var place = await ServersPlace.MakeAsync();
        await place.ScalarAsync<int>("CREATE EXTENSION pg_stat_statements; SELECT 1");
        await using var shop = await Shop.StartAsync(place, Ct);
        var before = await AskedAsync(place);
        var watch = Stopwatch.StartNew();
        for (var n = 0; n < 10; n++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => shop.HealthAsync(Ct)));
            Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.Status));
        }

        // At most once a second, and one statement each time.
        var (asked, seconds) = (await AskedAsync(place) - before, watch.Elapsed.TotalSeconds);
        Assert.InRange(asked, 0, (long)seconds + 2);
    }

    private static Task<long> AskedAsync(Place place) => place.ScalarAsync<long>(
        "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() AND query LIKE '%migrations_history%UNION ALL%'");

    private static async Task UnreadyAsync(Shop shop, string check, string says)
    {
        var (status, health) = await shop.BecomesAsync(
            h => h.GetProperty("checks").TryGetProperty(check, out var one) && one.GetProperty("description").GetString()?.Contains(says, StringComparison.Ordinal) == true, Ct);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.DoesNotContain("Password", health.GetRawText(), StringComparison.OrdinalIgnoreCase);
    }
}
