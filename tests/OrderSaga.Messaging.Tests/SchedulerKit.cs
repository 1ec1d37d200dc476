using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Scheduling;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class SchedulerOnPostgres() : SchedulerKit(TestServer.Postgres);

public sealed class SchedulerOnSqlServer() : SchedulerKit(TestServer.SqlServer);

/// <summary>The timers that rest in rows act when they are due, once, whatever happens to those who should see to it.</summary>
public abstract partial class SchedulerKit(TestServer server)
{
    private readonly ManualTime time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_act_when_it_is_due_and_once_though_two_nodes_see_it()
    {
        await using var database = await server.CreateAsync();
        await using var one = await StartAsync(database);
        await using var two = await StartAsync(database);
        var due = time.GetUtcNow() + Seconds(20);
        var alarm = await one.SetAsync(due);
        Assert.Equal(0, await HandedOverAsync(database));

        time.Advance(Seconds(19.9));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        Assert.Empty(Rung(one, two));

        time.Advance(Seconds(0.1));
        await UntilAsync(() => Rung(one, two).Count == 1);
        Assert.Equal((alarm, 1, due), Assert.Single(Rung(one, two)));
        await NothingIsLeftAsync(database);
        time.Advance(Seconds(30));
        Assert.Equal(1, await RungAsync(one, alarm));
    }

    [Fact]
    public async Task Should_act_in_time_though_it_is_set_shortly_before()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        var due = time.GetUtcNow() + Seconds(2);
        await node.SetAsync(due);
        // The clock stands still: it goes to the scheduler without any look at the rows.
        await UntilAsync(async () => await HandedOverAsync(database) == 1);

        time.Advance(Seconds(1.999));
        Assert.Empty(node.Bell.Rung);
        time.Advance(Seconds(0.001));
        await UntilAsync(() => node.Bell.Rung.Count == 1);
        Assert.Equal((due, 1), (node.Bell.Rung[0].At, node.Bell.Asked));
    }

    [Fact]
    public async Task Should_do_nothing_for_a_timer_that_was_set_before_another()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        var alarm = await node.SetAsync(time.GetUtcNow() + Seconds(2));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        await node.SetAsync(time.GetUtcNow() + Seconds(10), alarm);

        time.Advance(Seconds(4));
        await NothingIsLeftAsync(database);
        Assert.Equal(0, node.Bell.Asked);

        time.Advance(Seconds(6));
        await UntilAsync(() => node.Bell.Rung.Count == 1);
        Assert.Equal(2, node.Bell.Rung[0].Token);
    }

    [Fact]
    public async Task Should_act_on_the_nearer_one_when_a_timer_is_set_anew()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        var alarm = await node.SetAsync(time.GetUtcNow() + Seconds(4));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        var nearer = time.GetUtcNow() + Seconds(1);
        await node.SetAsync(nearer, alarm);
        await UntilAsync(async () => await HandedOverAsync(database, $"next_fire_time = {nearer.UtcTicks}") == 1);
        time.Advance(Seconds(1));
        await UntilAsync(() => node.Bell.Rung.Count == 1);
        Assert.Equal((2, nearer), (node.Bell.Rung[0].Token, node.Bell.Rung[0].At));
        time.Advance(Seconds(3));
        await NothingIsLeftAsync(database);
        Assert.Equal(1, node.Bell.Asked);
    }

    [Fact]
    public async Task Should_act_though_it_is_set_while_the_one_before_it_acts()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        var alarm = await node.SetAsync(time.GetUtcNow() + Seconds(1), again: 59, pause: Seconds(1));
        for (var n = 1; n <= 60; n++)
        {
            await UntilAsync(async () => await HandedOverAsync(database, $"next_fire_time > {time.GetUtcNow().UtcTicks}") == 1);
            time.Advance(Seconds(1));
            await UntilAsync(() => node.Bell.Rung.Count == n);
        }

        await NothingIsLeftAsync(database);
        Assert.Equal(60, await RungAsync(node, alarm));
    }

    [Fact]
    public async Task Should_leave_nothing_behind_of_a_saga_that_is_gone()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        await node.SetAsync(time.GetUtcNow() + Seconds(2));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        await node.InDatabaseAsync(db => db.Set<Alarm>().ExecuteDeleteAsync(Ct));
        time.Advance(Seconds(2));
        await NothingIsLeftAsync(database);
        Assert.Equal((0, 0), (node.Bell.Asked, node.Log.Count));
    }

    [Fact]
    public async Task Should_make_its_tables_once_though_nodes_start_together()
    {
        await using var database = await server.CreateAsync();
        var nodes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => AlarmNode.BeginAsync(server.At(database.ConnectionString), TimeProvider.System)));
        await UntilAsync(async () => (await nodes[0].InDatabaseAsync(AlarmNode.SchedulersAsync)).Count == 4);
        await nodes[0].SetAsync(TimeProvider.System.GetUtcNow());
        await UntilAsync(() => Rung(nodes).Count == 1);
        Assert.All(nodes, node => Assert.Empty(node.Log));
        foreach (var node in nodes)
            await node.DisposeAsync();
    }

    [Fact]
    public async Task Should_find_the_tables_that_a_migration_made()
    {
        await using var database = await server.CreateAsync();
        await (await StartAsync(database)).DisposeAsync();
        await using var db = Context(database);
        var made = await ColumnsAsync(db);
        foreach (var table in made.Select(column => column.Split('.')[0]).Distinct().OrderByDescending(name => Array.IndexOf(Tables, name["qrtz_".Length..].ToLowerInvariant()) is var i && i >= 0 ? 100 - i : 0))
            await database.AskAsync($"DROP TABLE alarms.{table}");
        Assert.Empty(await ColumnsAsync(db));

        // A migration runs them once; who made the tables otherwise may run them again.
        for (var n = 0; n < 2; n++)
            foreach (var statement in QuartzTables.Statements(db.Database.ProviderName!, "alarms"))
                await database.AskAsync(statement);
        Assert.Equal(made, await ColumnsAsync(db));
        await using var node = await StartAsync(database);
        await node.SetAsync(time.GetUtcNow());
        await UntilAsync(() => node.Bell.Rung.Count == 1, node);
    }

    [Fact]
    public async Task Should_act_once_each_on_500_that_are_due_at_one_moment()
    {
        await using var database = await server.CreateAsync();
        await using var one = await StartAsync(database);
        await using var two = await StartAsync(database);
        var due = time.GetUtcNow() + Seconds(20);
        await one.InDatabaseAsync(async db =>
        {
            db.AddRange(Enumerable.Range(0, 500).Select(_ => AlarmAt(due)));
            return await db.SaveChangesAsync(Ct);
        });
        time.Advance(Seconds(20));
        await UntilAsync(() => Rung(one, two).Count >= 500);
        await NothingIsLeftAsync(database);
        Assert.Equal(500, Rung(one, two).Select(r => r.Alarm).Distinct().Count());
        Assert.Equal(500, await one.InDatabaseAsync(db => db.Set<Alarm>().SumAsync(a => a.Rung, Ct)));
    }

    private Task<AlarmNode> StartAsync(ServerDatabase database) => AlarmNode.StartAsync(server.At(database.ConnectionString), time);

    private static Alarm AlarmAt(DateTimeOffset due) => new() { CorrelationId = Guid.NewGuid(), Due = due, Token = 1 };

    private AlarmDb Context(ServerDatabase database)
    {
        var options = new DbContextOptionsBuilder<AlarmDb>();
        server.At(database.ConnectionString).Configure(options);
        return new AlarmDb(options.Options);
    }

    // Lets time pass, with pauses in which what it sets off can happen.
    private Task PassUntilAsync(Func<bool> holds, AlarmNode node, ManualTime? clock = null) => UntilAsync(
        async () =>
        {
            if (holds())
                return true;
            (clock ?? time).Advance(Seconds(0.5));
            await Task.Delay(30, Ct);
            return false;
        },
        node);

    private static Task<List<string>> ColumnsAsync(AlarmDb db) => db.Database
        .SqlQueryRaw<string>("SELECT CONCAT(table_name, '.', column_name) AS \"Value\" FROM information_schema.columns WHERE table_schema = 'alarms' AND LOWER(table_name) LIKE 'qrtz%' ORDER BY 1").ToListAsync(Ct);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static List<(Guid Alarm, int Token, DateTimeOffset At)> Rung(params AlarmNode[] nodes) => [.. nodes.SelectMany(n => n.Bell.Rung)];

    private static Task<int> RungAsync(AlarmNode node, Guid alarm) => node.InDatabaseAsync(db => db.Set<Alarm>().Where(a => a.CorrelationId == alarm).Select(a => a.Rung).SingleAsync(Ct));

    private static Task<int> HandedOverAsync(ServerDatabase database, string which = "1 = 1") => database.CountAsync($"alarms.qrtz_TRIGGERS WHERE {which}");

    private static Task NothingIsLeftAsync(ServerDatabase database) =>
        UntilAsync(async () => await HandedOverAsync(database) == 0 && await database.CountAsync("alarms.qrtz_FIRED_TRIGGERS") == 0);

    private static Task UntilAsync(Func<bool> holds, AlarmNode? node = null) => UntilAsync(() => Task.FromResult(holds()), node);

    private static async Task UntilAsync(Func<Task<bool>> holds, AlarmNode? node = null)
    {
        for (var patience = Stopwatch.StartNew(); !await holds();)
        {
            Assert.True(patience.Elapsed < Seconds(40), $"It did not come to hold. The log: {string.Join('\n', node?.Log ?? [])}");
            await Task.Delay(10, Ct);
        }
    }
}
