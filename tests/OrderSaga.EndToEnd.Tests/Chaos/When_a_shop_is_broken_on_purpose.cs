using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host.Commands;
using OrderSaga.Host.Commands.Chaos;

namespace OrderSaga.EndToEnd.Tests.Chaos;

public class When_a_shop_is_broken_on_purpose
{
    private static readonly string[] All =
    [
        "well", "served", "lost", "unwanted", "at-rest", "otherwise", "listed", "alerted", "ghost-charges", "charges", "beliefs", "reservations", "taken", "stock", "shipments", "notifications", "orders",
        "shelf", "endings", "dead-letters",
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_keep_every_promise()
    {
        const int seed = 3, seconds = 6;
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        var run = await Command.RunAsync(place.Folder,
            ["chaos", "--seed", $"{seed}", "--orders", "30", "--duration", $"{seconds}s", "--mix", "complete=6,declined,sold-out,cancelled,returned,gateway-lost,doubled,stuck-once", "--json",
             "--management", Environment.GetEnvironmentVariable("ORDERSAGA_TEST_RABBITMQ_MANAGEMENT")!, .. place.Arguments], Ct);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var report = JsonElement.Parse(run.Output);
        var promises = report.GetProperty("promises").EnumerateArray().ToDictionary(p => p.GetProperty("name").GetString()!, p => p.GetProperty("count").GetInt32());
        Assert.All(promises, promise => Assert.Equal((promise.Key, 0), (promise.Key, promise.Value)));
        Assert.Equal(All, promises.Keys);
        Assert.Equal(0, report.GetProperty("notChecked").GetArrayLength() + report.GetProperty("notDone").GetArrayLength());
        Assert.Equal(30, report.GetProperty("orders").EnumerateArray().Sum(o => o.GetProperty("count").GetInt32()));
        Assert.Equal(Families(seed, seconds).Order(), report.GetProperty("faults").EnumerateArray().Select(f => f.GetProperty("family").GetString()!).Order());
        Assert.DoesNotContain("Password", run.Output, StringComparison.OrdinalIgnoreCase);
    }

    /// Somebody has laid hands on the books before: money at the gateway that is nobody's, and stock that no order holds.
    [Fact]
    public async Task Should_fail_when_the_books_do_not_agree()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        string[] database = [.. place.Arguments.Take(4)];
        Assert.Equal(0, (await Command.RunAsync(place.Folder, ["migrate", .. database], Ct)).ExitCode);
        await place.ScalarAsync<long>("""
            WITH ghost AS (INSERT INTO gateway.charges (id, key, order_id, amount, currency, status, refunded, at) VALUES ('ch_x', 'x', gen_random_uuid(), 5, 'EUR', 'charged', 0, now()) RETURNING 1),
                 held AS (UPDATE inventory.stock SET reserved = 5 WHERE product_id = 'sku-plum' RETURNING 1)
            SELECT (SELECT count(*) FROM ghost) + (SELECT count(*) FROM held)
            """);
        var run = await Command.RunAsync(place.Folder, ["chaos", "--orders", "2", "--duration", "1s", "--mix", "complete", "--patience", "6s", "--seed", "1", .. database], Ct);
        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Matches("\nghost-charges +1 ", run.Output);
        Assert.Matches("\nbeliefs +1 ", run.Output);
        Assert.Matches("\nstock +1 .*\n", run.Output);
        Assert.Matches("\ncharges +0 ", run.Output);
        Assert.Contains("\nstock:\n  sku-plum\n", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("3 violations. The same faults again: --seed 1\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_not_touch_a_database_with_orders_of_others()
    {
        await using var place = await ServersPlace.EmptyAsync();
        await using (var connection = await place.OpenAsync())
        await using (var command = new Npgsql.NpgsqlCommand("CREATE SCHEMA checkout; CREATE TABLE checkout.order_state (customer_id text); INSERT INTO checkout.order_state VALUES ('load-1'), ('c-1')", connection))
            await command.ExecuteNonQueryAsync(Ct);
        var run = await Command.RunAsync(place.Folder, ["chaos", .. place.Arguments], Ct);
        Assert.Equal((1, ""), (run.ExitCode, run.Output));
        Assert.StartsWith("There are 1 orders in that database", run.Error, StringComparison.Ordinal);
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'orders'"));
    }

    [Fact]
    public void Should_break_the_same_with_the_same_seed()
    {
        static IReadOnlyList<Mishap> Of(int seed) => Mishap.Schedule(new Random(seed), Mishap.Families, TimeSpan.FromMinutes(1));
        Assert.Equal(Of(7), Of(7));
        Assert.NotEqual(Of(7), Of(8));
        Assert.All(Of(7), mishap => Assert.InRange(mishap.At, TimeSpan.Zero, TimeSpan.FromMinutes(1)));
        Assert.Equal(Mishap.Families.Order(), Of(7).Take(Mishap.Families.Count).Select(m => m.Family).Order());
    }

    [Theory]
    [InlineData("--orders is at most", "--orders", "100001")]
    [InlineData("--duration is a time such as", "--duration", "90")]
    [InlineData("There is no ending 'none'", "--mix", "none")]
    public void Should_say_what_is_wrong(string says, params string[] args) =>
        Assert.StartsWith(says, Assert.Throws<UsageException>(() => ChaosPlan.Read(Arguments.Read(args, [], ChaosPlan.Options, []))).Message, StringComparison.Ordinal);

    private static IEnumerable<string> Families(int seed, int seconds) => Mishap.Schedule(new Random(seed), Mishap.Families, TimeSpan.FromSeconds(seconds)).Select(m => m.Family);
}
