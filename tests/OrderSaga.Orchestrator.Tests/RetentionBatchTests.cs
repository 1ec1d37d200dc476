using Microsoft.EntityFrameworkCore;
using Npgsql;
using OrderSaga.Messaging.Databases;
using OrderSaga.Orchestrator.Tests.Support;

namespace OrderSaga.Orchestrator.Tests;

/// <summary>Many orders at once, several nodes at once, and what breaks in between. The rows are made by the test.</summary>
public sealed class When_many_orders_are_archived : IAsyncLifetime
{
    private static readonly int Many = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? 1_000_000 : 20_000;
    private TestDatabase database = null!;
    private Node node = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        node = await Node.StartAsync(database);
    }

    public async ValueTask DisposeAsync()
    {
        await node.DisposeAsync();
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData("Complete", 25.0, 25.0, "", true)]
    [InlineData("Compensated", 24.01, 24.01, "", true)]
    [InlineData("Complete", 23.9, 23.9, "", false)]
    [InlineData("Complete", 25.0, 1.0, "", false)]
    [InlineData("Failed", 2500.0, 2500.0, "", false)]
    [InlineData("Complete", 25.0, 25.0, "asked", false)]
    [InlineData("Complete", 25.0, 25.0, "unsent", false)]
    [InlineData("Complete", null, 25.0, "", false)]
    public async Task Should_take_those_that_are_over_in_every_respect(string state, double? endedHoursAgo, double updatedHoursAgo, string but, bool moves)
    {
        var ended = endedHoursAgo is { } hours ? $"now - interval '{hours} hours'" : "NULL";
        await FillAsync(1, $"'{state}'", ended, $"now - interval '{updatedHoursAgo} hours'", asked: but == "asked" ? "'SendConfirmation'" : "NULL");
        if (but == "unsent")
            await ExecuteAsync("UPDATE checkout.saga_log SET outgoing = '[]', at = '2100-01-01'");
        await node.TidiesAsync();
        Assert.Equal(moves ? (0L, 1L) : (1L, 0L), await CountAsync());
    }

    [Fact]
    public async Task Should_be_shared_by_nodes_that_neither_wait_nor_take_one_twice()
    {
        await FillAsync(2000);
        await using var other = await Node.StartAsync(database);
        await using var busy = await database.Source.OpenConnectionAsync(Ct);
        await using var transaction = await busy.BeginTransactionAsync(Ct);
        // Somebody is at the five oldest of them.
        await ExecuteAsync("SELECT 1 FROM checkout.order_state ORDER BY ended_at LIMIT 5 FOR UPDATE", busy);
        await Task.WhenAll(node.TidiesAsync(), other.TidiesAsync());
        Assert.Equal((5, 1995), await CountAsync());
        await transaction.RollbackAsync(Ct);
        await node.TidiesAsync();
        Assert.Equal((0, 2000), await CountAsync());
        Assert.Equal(4000, await ScalarAsync("SELECT count(*) FROM checkout.saga_log"));
    }

    [Fact]
    public async Task Should_be_in_one_place_or_the_other_when_it_dies_in_the_middle()
    {
        await FillAsync(300);
        await ExecuteAsync("""
            CREATE FUNCTION checkout.stand_still() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NEW; END $$;
            CREATE TRIGGER stand_still BEFORE INSERT ON checkout.order_archive FOR EACH ROW EXECUTE FUNCTION checkout.stand_still()
            """);
        await using var gate = await database.Source.OpenConnectionAsync(Ct);
        await ExecuteAsync("SELECT pg_advisory_lock(4242)", gate);
        var tidying = node.TidiesAsync();
        // Taken from the one table and not yet put into the other, its server process ends.
        const string standing = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'WITH moved%' AND datname = current_database()";
        await Script.Until(() => ScalarAsync(standing).GetAwaiter().GetResult() == 1);
        await Assert.ThrowsAnyAsync<Exception>(() => tidying);
        Assert.Equal((300, 0), await CountAsync());

        await ExecuteAsync("DROP TRIGGER stand_still ON checkout.order_archive", gate);
        await ExecuteAsync("SELECT pg_advisory_unlock_all()", gate);
        await node.TidiesAsync();
        Assert.Equal((0, 300), await CountAsync());
    }

    [Fact]
    public async Task Should_forget_it_with_its_log_after_a_much_longer_time()
    {
        await FillAsync(450, ended: "now - interval '91 days'", updated: "now - interval '91 days'");
        await FillAsync(10, ended: "now - interval '89 days'", updated: "now - interval '89 days'", first: 1000);
        await ExecuteAsync("""
            INSERT INTO checkout.stuck (order_id, step, error, attempts, since, resolved_at) SELECT order_id, 'FreezePrice', '', 6, ended_at, ended_at FROM checkout.order_state;
            INSERT INTO checkout.audit (id, at, actor, action, order_id, outcome) SELECT order_id, ended_at, 'ann', 'resolve', order_id, 'resolved' FROM checkout.order_state;
            UPDATE checkout.saga_log SET outgoing = '[]', at = '2100-01-01' WHERE order_id = '00000000-0000-0000-0000-000000000007' AND seq = 1
            """);
        await node.TidiesAsync();
        // One that was not sent yet was not archived either, and so is known.
        Assert.Equal((1, 10), await CountAsync());
        await ExecuteAsync("UPDATE checkout.saga_log SET outgoing = NULL");
        await node.TidiesAsync();
        Assert.Equal((0, 10), await CountAsync());
        Assert.Equal((20, 10, 460), (await ScalarAsync("SELECT count(*) FROM checkout.saga_log"), await ScalarAsync("SELECT count(*) FROM checkout.stuck"), await ScalarAsync("SELECT count(*) FROM checkout.audit")));
    }

    [Fact]
    public async Task Should_not_forget_the_log_of_one_that_is_brought_back_just_now()
    {
        await FillAsync(3);
        await node.TidiesAsync();
        await using var busy = await database.Source.OpenConnectionAsync(Ct);
        await using var transaction = await busy.BeginTransactionAsync(Ct);
        await ExecuteAsync("DELETE FROM checkout.order_archive WHERE order_id = '00000000-0000-0000-0000-000000000002'", busy);
        node.Time.Set(TimeSpan.FromDays(90));
        var forgetting = node.TidiesAsync();
        await Script.Until(() => ScalarAsync("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM checkout.order_archive%' AND datname = current_database()").GetAwaiter().GetResult() == 1);
        await transaction.CommitAsync(Ct);

        await forgetting;
        Assert.Equal((0, 2), await CountAsync());
        await node.TidiesAsync();
        Assert.Equal((0, 0), await CountAsync());
        Assert.Equal(2, await ScalarAsync("SELECT count(*) FROM checkout.saga_log WHERE order_id = '00000000-0000-0000-0000-000000000002'"));
        Assert.Equal(2, await ScalarAsync("SELECT count(*) FROM checkout.saga_log"));
    }

    [Fact]
    public async Task Should_cost_a_batch_the_same_however_many_there_are()
    {
        await FillAsync(1000);
        var few = await PagesAsync();
        await FillAsync(Many, first: 1001);
        await ExecuteAsync("ANALYZE checkout.order_state; ANALYZE checkout.saga_log");
        var many = await PagesAsync();
        Assert.InRange(many, 1, few * 2);
    }

    [Fact]
    public async Task Should_be_looked_for_by_index_in_both_tables()
    {
        await FillAsync(5000);
        await ExecuteAsync("INSERT INTO checkout.order_archive SELECT (jsonb_populate_record(NULL::checkout.order_archive, to_jsonb(o))).* FROM checkout.order_state o; ANALYZE checkout.order_state; ANALYZE checkout.order_archive");
        var looks = await node.ReadAsync(db => Task.FromResult<string[]>(
        [
            db.Everywhere.Where(o => o.CorrelationId == EF.Constant(Guid.Empty)).ToQueryString(),
            db.Everywhere.Where(o => o.CustomerId == "c-1" && o.IdempotencyKey == "key").ToQueryString(),
            db.Archived.Where(o => o.CustomerId == "c-1").OrderByDescending(o => o.EndedAt).Take(51).ToQueryString(),
            db.Archived.Where(o => o.EndedAt != null).OrderByDescending(o => o.EndedAt).Take(51).ToQueryString(),
        ]));
        foreach (var look in looks)
        {
            // How many is a parameter.
            await using var explain = database.Source.CreateCommand("EXPLAIN " + look.Replace("@p", "51", StringComparison.Ordinal));
            await using var plan = await explain.ExecuteReaderAsync(Ct);
            while (await plan.ReadAsync(Ct))
                Assert.DoesNotContain("Seq Scan", plan.GetString(0), StringComparison.Ordinal);
        }
    }

    // What a batch touches, by the server's own count.
    private async Task<long> PagesAsync()
    {
        var sql = await node.ReadAsync(db => Task.FromResult(Retention.MoveOn(Database.Postgres(database.ConnectionString), db)));
        await using var connection = await database.Source.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        var now = node.Time.GetUtcNow();
        await using var explain = new NpgsqlCommand("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql.Replace("{0}", "'2000-01-01'", StringComparison.Ordinal).Replace("{1}", $"'{now - TimeSpan.FromDays(1):O}'", StringComparison.Ordinal), connection);
        using var plan = System.Text.Json.JsonDocument.Parse((string)(await explain.ExecuteScalarAsync(Ct))!);
        var top = plan.RootElement[0].GetProperty("Plan");
        Assert.Equal(Retention.BatchSize, top.GetProperty("Actual Rows").GetDouble());
        TestContext.Current.TestOutputHelper?.WriteLine(plan.RootElement.ToString());
        return top.GetProperty("Shared Hit Blocks").GetInt64() + top.GetProperty("Shared Read Blocks").GetInt64();
    }

    // Orders as they are in the end, each with two rows of its log; a second apart.
    private async Task FillAsync(
        int count, string state = "'Complete'", string ended = "now - interval '48 hours' - i * interval '1 ms'", string updated = "now - interval '48 hours'", string asked = "NULL", int first = 1)
    {
        var (now, last) = ($"timestamptz '{node.Time.GetUtcNow():O}'", first + count - 1);
        await ExecuteAsync($$"""
            INSERT INTO checkout.order_state (order_id, current_state, status, version, asked, not_due_before, attempt, token, steps, route, seen, alerted, told, ended, started_at, updated_at, ended_at, submitted, total, currency, customer_id)
            SELECT lpad(to_hex(i), 32, '0')::uuid, {{state}}, CASE {{state}} WHEN 'Complete' THEN 'Completed' WHEN 'Failed' THEN 'NeedsAttention' ELSE 'Cancelled' END, 2, {{asked}}, CASE WHEN {{asked}} IS NULL THEN NULL ELSE now END, 0, 7, 'done', 'CreateOrder', 0, false, false, 'completed', {{updated}}, {{updated}}, {{ended}}, '{}', 1, 'EUR', 'c-' || i % 100
            FROM generate_series({{first}}, {{last}}) AS i, (SELECT {{now}} AS now) AS clock;
            INSERT INTO checkout.saga_log (order_id, seq, attempt, status, message_id, at)
            SELECT lpad(to_hex(i), 32, '0')::uuid, seq, 0, 'done', gen_random_uuid(), {{now}} FROM generate_series({{first}}, {{last}}) AS i, generate_series(1, 2) AS seq
            """);
    }

    private async Task<(long Rows, long Archived)> CountAsync() => (await ScalarAsync("SELECT count(*) FROM checkout.order_state"), await ScalarAsync("SELECT count(*) FROM checkout.order_archive"));

    private async Task<long> ScalarAsync(string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(Ct))!;
    }

    private async Task ExecuteAsync(string sql, NpgsqlConnection? on = null)
    {
        await using var own = on is null ? await database.Source.OpenConnectionAsync(Ct) : null;
        await using var command = new NpgsqlCommand(sql, on ?? own) { CommandTimeout = 600 };
        await command.ExecuteNonQueryAsync(Ct);
    }
}
