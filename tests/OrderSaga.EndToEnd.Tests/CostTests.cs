using System.Diagnostics;
using System.Globalization;
using System.Text;
using Npgsql;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>
/// What an order costs, counted by the database itself on real servers: orchestrator and services in processes and databases of their
/// own, so that each one's statements, transactions and bytes of WAL stand apart. The table goes to artifacts/test-logs/costs.txt.
/// </summary>
public class When_the_cost_of_an_order_is_counted
{
    private const int WarmUp = 40, UnderWay = 100;
    private static readonly int Orders = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? 3000 : 150;

    // The first that fits: what a statement is for, told from its text.
    private static readonly (string Part, string[] Words)[] Parts =
    [
        ("test", ["pg_stat", "/* test */"]),
        ("timers", ["qrtz_", "not_due_before <="]),
        ("marks of what was sent", ["update checkout.saga_log"]),
        ("intake", ["insert into checkout.order_state", "idempotency_key ="]),
        ("load", ["from checkout.order_state"]),
        ("save: row", ["update checkout.order_state"]),
        ("save: log", ["insert into checkout.saga_log"]),
        ("begin", ["begin"]),
        ("commit", ["commit"]),
        ("reset of pooled connections", ["reset all", "close all", "unlisten", "advisory_unlock", "discard", "session authorization"]),
    ];

    private const int Counted = 100;
    private static readonly int Ended = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? 1_000_000 : 20_000;

    // One order that went well, so many times, in every table that has orders: a millisecond apart, hours ago.
    private const string ManyMore = """
        CREATE TEMP TABLE source AS SELECT order_id AS id FROM checkout.order_state WHERE current_state = 'Complete' LIMIT 1;
        CREATE TEMP TABLE target AS SELECT n, (lpad(to_hex((extract(epoch FROM now() - interval '20 hours') * 1000)::bigint + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id
            FROM generate_series(@from, @to) n;
        DO $$ DECLARE t record; columns text; sources text; BEGIN
            FOR t IN SELECT c.table_schema, c.table_name FROM information_schema.columns c JOIN information_schema.tables USING (table_schema, table_name)
                WHERE column_name = 'order_id' AND table_type = 'BASE TABLE' AND c.table_schema IN ('checkout', 'orders', 'inventory', 'pricing', 'payment', 'shipping', 'notification', 'gateway') LOOP
                SELECT string_agg(quote_ident(column_name), ', '), string_agg(CASE
                        WHEN column_name = 'order_id' THEN 't.id'
                        WHEN column_name = 'message_id' THEN '(substr(t.id::text, 1, 13) || substr(gen_random_uuid()::text, 14))::uuid'
                        WHEN column_name = 'idempotency_key' THEN '''key-'' || t.n'
                        WHEN column_name = 'ended_at' THEN 'now() - interval ''20 hours'' + t.n * interval ''1 ms'''
                        WHEN column_name IN ('charge_id', 'label_number') OR (t.table_schema = 'gateway' AND column_name = 'id') THEN '''x_'' || replace(t.id::text, ''-'', '''')'
                        WHEN data_type LIKE 'char%' OR data_type = 'text' THEN format('replace(r.%I, s.id::text, t.id::text)', column_name)
                        ELSE format('r.%I', column_name) END, ', ')
                    INTO columns, sources FROM information_schema.columns WHERE table_schema = t.table_schema AND table_name = t.table_name;
                EXECUTE format('INSERT INTO %I.%I (%s) SELECT %s FROM source s JOIN %I.%I r ON r.order_id = s.id CROSS JOIN target t', t.table_schema, t.table_name, columns, sources, t.table_schema, t.table_name);
            END LOOP;
        END $$;
        INSERT INTO gateway.keys (key, answer, at, fingerprint, status) SELECT replace(r.key, s.id::text, t.id::text), r.answer, r.at, r.fingerprint, r.status
            FROM source s JOIN gateway.keys r ON r.key LIKE '%' || s.id || '%' CROSS JOIN target t
        """;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_few_transactions_that_many_events_share()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var theirs = await TestDatabase.CreateAsync();
        await using var services = await Shop.StartAsync(place, Ct, "orders,inventory,pricing,payment,shipping,notification", "--Database:ConnectionString", theirs.ConnectionString + ";Maximum Pool Size=60");
        await using var shop = await Shop.StartAsync(place, Ct, "orchestrator,web");
        await using var ours = await place.OpenAsync();
        await ExecuteAsync(ours, "CREATE EXTENSION pg_stat_statements");
        await RunAsync(shop, ours, WarmUp);

        var (before, cpu, cpuOfServices) = (await EventsAsync(ours), shop.Cpu, services.Cpu);
        await ExecuteAsync(ours, "SELECT pg_stat_statements_reset()");
        await RunAsync(shop, ours, WarmUp + Orders);
        var events = await EventsAsync(ours) - before;
        var costs = await CostsAsync(ours, "current_database()");
        var cost = costs.ToDictionary(c => c.Part);
        var other = await CostsAsync(ours, $"'{new NpgsqlConnectionStringBuilder(theirs.ConnectionString).Database}'");

        Report(events, costs, other, shop.Cpu - cpu, services.Cpu - cpuOfServices);
        Assert.Equal(7 * Orders, events);
        Assert.Equal(events, cost["save: log"].Calls);
        // One for each event would be seven; intake is among them.
        Assert.InRange(cost["commit"].Calls, 1, 2 * Orders);
        // A group reads once, saves once, commits once; nobody reads an order to say that it was taken in.
        Assert.InRange(cost["load"].Calls, 1, cost["commit"].Calls * 1.2);
        // Nothing of an order that goes well ever comes to the timers.
        Assert.InRange(cost.GetValueOrDefault("timers").Calls, 0, events / 4);
        // Of the six times that an event changes its row, only the end is written to an index.
        var (changes, onThePage) = await ChangesAsync(ours, 6 * (WarmUp + Orders));
        Assert.InRange(onThePage, changes * 0.6, changes);
    }

    /// Counted in what the database touches: times say less, on a machine that others use.
    [Fact]
    public async Task Should_not_grow_with_the_orders_that_have_ended()
    {
        await using var place = (ServersPlace)await Place.OfAsync("servers");
        await using var shop = await Shop.StartAsync(place, Ct);
        await using var database = await place.OpenAsync();
        await ExecuteAsync(database, "CREATE EXTENSION pg_stat_statements");
        await RunAsync(shop, database, WarmUp);
        // Enough that no index is a single block: to compare with such would count levels, of which each statement goes through some.
        const int some = 2_000;
        await AddEndedAsync(database, 1, some);
        var few = await TouchedAsync(shop, database, WarmUp + some);

        await AddEndedAsync(database, some + 1, Ended);
        var many = await TouchedAsync(shop, database, WarmUp + Counted + Ended);
        TestContext.Current.TestOutputHelper?.WriteLine($"Blocks and whole pages of log per order: {few} with {some} ended orders, {many} with {Ended}");
        // Indexes are a level deeper, and an idempotency key is wherever its customer is.
        Assert.InRange(many.Blocks, 1, few.Blocks * 1.25);
        Assert.InRange(many.WholePages, 0, few.WholePages + 2);
    }

    private static async Task AddEndedAsync(NpgsqlConnection database, int from, int to)
    {
        await ExecuteAsync(database, ManyMore.Replace("@from", $"{from}", StringComparison.Ordinal).Replace("@to", $"{to}", StringComparison.Ordinal));
        await ExecuteAsync(database, "DROP TABLE source, target");
        await ExecuteAsync(database, "VACUUM ANALYZE");
    }

    private static async Task<(double Blocks, double WholePages)> TouchedAsync(Shop shop, NpgsqlConnection database, int atRest)
    {
        // Whatever is changed for the first time after this is written as a whole page.
        await ExecuteAsync(database, "CHECKPOINT");
        await ExecuteAsync(database, "SELECT pg_stat_statements_reset()");
        await RunAsync(shop, database, atRest + Counted);
        const string touched = "SELECT sum({0})::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() AND query NOT LIKE '%/* test */%'";
        Task<long> SumAsync(string column) => CountAsync(database, touched.Replace("{0}", column, StringComparison.Ordinal));
        return ((double)await SumAsync("shared_blks_hit + shared_blks_read") / Counted, (double)await SumAsync("wal_fpi") / Counted);
    }

    // So many at a time are under way: of a crowd that waits longer than a step's pause, the asks would be counted twice.
    private static async Task RunAsync(Shop shop, NpgsqlConnection database, int atRest)
    {
        var placed = await CountAsync(database, "SELECT count(*) /* test */ FROM checkout.order_state");
        var patience = Stopwatch.StartNew();
        for (var ended = placed; ended < atRest || await CountAsync(database, "SELECT count(*) /* test */ FROM checkout.saga_log WHERE outgoing IS NOT NULL") > 0;)
        {
            var room = (int)Math.Min(UnderWay - (placed - ended), atRest - placed);
            await Task.WhenAll(Enumerable.Range(0, room).Select(async _ => (await shop.PlaceAsync(Shop.Order(), ct: Ct)).EnsureSuccessStatusCode().Dispose()));
            placed += room;
            await Task.Delay(20, Ct);
            Assert.True(patience.Elapsed < TimeSpan.FromMinutes(20), $"Only {ended} of {atRest} orders have come to rest.");
            ended = await CountAsync(database, "SELECT count(*) /* test */ FROM checkout.order_state WHERE ended_at IS NOT NULL");
        }
    }

    // A connection that is idle tells its counts after ten seconds.
    private static async Task<(long All, long OnThePage)> ChangesAsync(NpgsqlConnection database, long all)
    {
        const string counted = "SELECT n_tup_upd /* test */ FROM pg_stat_user_tables WHERE relid = 'checkout.order_state'::regclass";
        for (var patience = Stopwatch.StartNew(); await CountAsync(database, counted) is var told && told < all; await Task.Delay(200, Ct))
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), $"Only {told} of {all} changes are told.");
        return (await CountAsync(database, counted), await CountAsync(database, counted.Replace("n_tup_upd", "n_tup_hot_upd", StringComparison.Ordinal)));
    }

    private static Task<long> EventsAsync(NpgsqlConnection database) => CountAsync(database, "SELECT count(*) /* test */ FROM checkout.saga_log");

    private static async Task<List<Cost>> CostsAsync(NpgsqlConnection database, string name)
    {
        var costs = Parts.Select(p => p.Part).Append("other").ToDictionary(part => part, part => new Cost(part, 0, 0, 0));
        await using var command = database.CreateCommand();
#pragma warning disable CA2100 // a database of the test's own
        command.CommandText = $"SELECT query, calls, wal_bytes::bigint, (total_exec_time * 1000)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = {name}";
#pragma warning restore CA2100
        await using var reader = await command.ExecuteReaderAsync(Ct);
        while (await reader.ReadAsync(Ct))
        {
            var query = reader.GetString(0);
            var part = Parts.FirstOrDefault(p => p.Words.Any(w => query.Contains(w, StringComparison.OrdinalIgnoreCase))).Part ?? "other";
            costs[part] = costs[part] with { Calls = costs[part].Calls + reader.GetInt64(1), Wal = costs[part].Wal + reader.GetInt64(2), Microseconds = costs[part].Microseconds + reader.GetInt64(3) };
        }

        return [.. costs.Values.Where(c => c.Part != "test" && c.Calls > 0)];
    }

    private static void Report(long events, IReadOnlyList<Cost> ours, IReadOnlyList<Cost> theirs, TimeSpan cpu, TimeSpan cpuOfServices)
    {
        var text = new StringBuilder();
        void Line(string part, long calls, long wal, long microseconds) => text.AppendLine(CultureInfo.InvariantCulture,
            $"{part,-30}{calls,9}{(double)calls / events,9:0.00}{(double)wal / events,11:0}{(double)microseconds / events,9:0}");
        text.AppendLine(CultureInfo.InvariantCulture, $"{Orders} orders, {events} saga events; statements of the orchestrator's database, per saga event")
            .AppendLine(CultureInfo.InvariantCulture, $"{"",-30}{"all",9}{"calls",9}{"WAL bytes",11}{"us in db",9}");
        foreach (var cost in ours)
            Line(cost.Part, cost.Calls, cost.Wal, cost.Microseconds);
        Line("together", ours.Sum(c => c.Calls), ours.Sum(c => c.Wal), ours.Sum(c => c.Microseconds));
        Line("all services' databases", theirs.Sum(c => c.Calls), theirs.Sum(c => c.Wal), theirs.Sum(c => c.Microseconds));
        text.AppendLine(CultureInfo.InvariantCulture, $"CPU per saga event: orchestrator and web {cpu.TotalMilliseconds / events:0.00} ms, all services {cpuOfServices.TotalMilliseconds / events:0.00} ms (build of the tests)");
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "test-logs")).FullName, "costs.txt"), text.ToString());
    }

    private static async Task<long> CountAsync(NpgsqlConnection database, string sql)
    {
        await using var command = new NpgsqlCommand(sql, database);
        return (long)(await command.ExecuteScalarAsync(Ct))!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection database, string sql)
    {
        await using var command = new NpgsqlCommand(sql, database) { CommandTimeout = 1800 };
        await command.ExecuteNonQueryAsync(Ct);
    }

    private readonly record struct Cost(string Part, long Calls, long Wal, long Microseconds);
}
