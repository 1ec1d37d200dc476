using System.Net;
using Npgsql;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Pages;

/// <summary>A shop that has had many orders, one every half second until six minutes ago, and a client who has signed in. It is at rest.</summary>
public sealed class CrowdedShop : IAsyncLifetime
{
    private const string Key = "the-key-of-the-looker";

    // What came of the many is told by their numbers: some were undone, and of a few the undo is stuck.
    private const string Many = """
        INSERT INTO checkout.order_state SELECT (jsonb_populate_record(o, jsonb_build_object('order_id', gen_random_uuid(), 'idempotency_key', null, 'customer_id', 'c-' || n % 500,
            'started_at', o.started_at - i, 'updated_at', o.ended_at - i, 'ended_at', o.ended_at - i) || CASE
                WHEN n % 500 = 0 THEN '{"current_state": "Failed", "status": "NeedsAttention", "reason": "NO_DELIVERY_SLOT"}'::jsonb
                WHEN n % 50 = 1 THEN '{"current_state": "Compensated", "status": "Cancelled", "reason": "CARD_DECLINED"}' ELSE '{}' END)).*
            FROM checkout.order_state o, generate_series(1, @many) n, LATERAL (SELECT interval '6 min' + n * interval '0.5 s' AS i) ago;
        INSERT INTO checkout.stuck (order_id, step, error, attempts, since) SELECT order_id, 'ChargePayment', 'The gateway answered 503.', 6, ended_at FROM checkout.order_state WHERE current_state = 'Failed';
        INSERT INTO checkout.audit (id, at, actor, action, order_id, outcome) SELECT gen_random_uuid(), ended_at, 'ann', 'cancel', order_id, 'cancelled' FROM checkout.order_state WHERE customer_id <> 'c-1';
        INSERT INTO checkout.saga_log SELECT (jsonb_populate_record(l, jsonb_build_object('seq', 100 + n, 'message_id', gen_random_uuid(), 'at', l.at + n * interval '1 s', 'step', 'ChargePayment', 'direction', 'undo', 'attempt', n,
            'status', CASE WHEN n % 2 = 0 THEN 'asked again' ELSE 'faulted' END, 'asks', CASE WHEN n % 2 = 0 THEN 'RefundPayment' END, 'error', CASE WHEN n % 2 = 1 THEN 'The gateway answered 503 to refund ' || n END,
            'key', 'saga:' || l.order_id || ':RefundPayment'))).* FROM checkout.saga_log l, generate_series(1, 200) n WHERE l.order_id = @order AND l.seq = 1;
        CREATE EXTENSION pg_stat_statements
        """;

    private readonly HttpClientHandler handler = new() { CookieContainer = new(), AllowAutoRedirect = false };

    public static bool IsLarge { get; } = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1";

    public static int Orders { get; } = IsLarge ? 100_000 : 5_000;

    internal Place Place { get; private set; } = null!;

    internal Shop Shop { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    /// <summary>An order whose log is long.</summary>
    public Guid Order { get; private set; }

    /// <summary>What the overview asked when it was opened for the first time.</summary>
    internal IReadOnlyList<Statement> Overview { get; private set; } = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Place = await Place.OfAsync("servers");
        Shop = await Shop.StartAsync(Place, Ct, more: ["--Ops:ApiKey", Key]);
        Http = new(handler) { BaseAddress = Shop.Http.BaseAddress };
        using (var placed = await Shop.PlaceAsync(Shop.Order(), wait: 60, ct: Ct))
            Order = Guid.Parse(placed.Headers.Location!.OriginalString.Split('/')[^1]);
        Assert.Equal("Complete", (await Shop.AtRestAsync(Order, Ct)).GetProperty("state").GetString());
        await ExecuteAsync(Many, new("many", Orders), new("order", Order));
        // As the database's own housekeeping leaves it.
        await ExecuteAsync("VACUUM ANALYZE checkout.order_state, checkout.stuck, checkout.audit");
        var word = (await Http.GetStringAsync("/console/sign-in", Ct)).Split("name=\"form\" value=\"")[1].Split('"')[0];
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["form"] = word, ["key"] = Key });
        using var answer = await Http.PostAsync("/console/sign-in", form, Ct);
        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        await CountAnewAsync();
        await Http.GetStringAsync("/console", Ct);
        Overview = await StatementsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        handler.Dispose();
        await Shop.DisposeAsync();
        await Place.DisposeAsync();
    }

    /// <summary>From now on statements of this database are counted anew; others share the server.</summary>
    internal Task CountAnewAsync() => ExecuteAsync("SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()");

    /// <summary>What the shop has asked its database since then, but for the comparison of all books, which is read whole and seldom.</summary>
    internal Task<IReadOnlyList<Statement>> StatementsAsync() => Place.RowsAsync("""
        SELECT query, calls, (shared_blks_hit + shared_blks_read) / calls, total_exec_time FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE d.datname = current_database() AND query ~ '(checkout|ops)\.' AND query !~ 'pg_stat|^SELECT order_id, status, route, total, currency, ended_at'
        """, r => new Statement(r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetDouble(3)));

    private async Task ExecuteAsync(string sql, params NpgsqlParameter[] parameters)
    {
        await using var connection = await Place.OpenAsync();
#pragma warning disable CA2100 // the test's own words
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
#pragma warning restore CA2100
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync(Ct);
    }

    /// <summary>A statement, how often it was asked, how many blocks it touches, and its time in all.</summary>
    internal sealed record Statement(string Text, long Calls, long Blocks, double Milliseconds);
}
