using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

// Nodes stop or die, clocks jump, tables are emptied, the database is away.
public abstract partial class SchedulerKit
{
    // In an order in which they can be emptied, and dropped.
    private static readonly string[] Tables = ["simple_triggers", "cron_triggers", "simprop_triggers", "blob_triggers", "triggers", "job_details", "fired_triggers", "locks", "scheduler_state"];

    [Fact]
    public async Task Should_act_at_the_start_on_what_became_due_while_nobody_was_there()
    {
        await using var database = await server.CreateAsync();
        Guid alarm;
        await using (var node = await StartAsync(database))
            alarm = await node.SetAsync(time.GetUtcNow() + Seconds(20));
        time.Advance(TimeSpan.FromHours(3));
        await using var next = await StartAsync(database);
        await UntilAsync(() => next.Bell.Rung.Count == 1);
        Assert.Equal(1, await RungAsync(next, alarm));
    }

    [Fact]
    public async Task Should_act_on_another_node_when_one_stops()
    {
        await using var database = await server.CreateAsync();
        var one = await StartAsync(database);
        await using var two = await StartAsync(database);
        await one.SetAsync(time.GetUtcNow() + Seconds(4));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        await one.DisposeAsync();
        // The other node's scheduler was not told of the trigger; it comes to look.
        await PassUntilAsync(() => two.Bell.Rung.Count == 1, two);
    }

    [Fact]
    public async Task Should_act_soon_in_the_process_that_follows_a_killed_one()
    {
        await using var database = await server.CreateAsync();
        await using (var killed = await KillableAsync(database))
            await KilledOverTwoAsync(database, killed);
        var patience = Stopwatch.StartNew();
        await using var node = await AlarmNode.StartAsync(server.At(database.ConnectionString), TimeProvider.System);
        await UntilAsync(() => node.Bell.Rung.Count == 2, node);
        // The later one was due within six seconds.
        Assert.InRange(patience.Elapsed, TimeSpan.Zero, Seconds(12));
        await BothRangOnceAsync(database);
    }

    [Fact]
    public async Task Should_act_within_half_a_minute_on_a_node_that_outlives_a_killed_one()
    {
        await using var database = await server.CreateAsync();
        await using var killed = await KillableAsync(database);
        // It sees nothing of it before its time begins to pass.
        var start = TimeProvider.System.GetUtcNow();
        var others = new ManualTime(start);
        await using var node = await AlarmNode.StartAsync(server.At(database.ConnectionString), others);
        await KilledOverTwoAsync(database, killed);
        others.Advance(TimeProvider.System.GetUtcNow() - start);
        var death = others.GetUtcNow();
        await PassUntilAsync(() => node.Bell.Rung.Count == 2, node, others);
        Assert.InRange(others.GetUtcNow() - death, TimeSpan.Zero, Seconds(30));
        await BothRangOnceAsync(database);
    }

    [Fact]
    public async Task Should_stop_in_time_though_something_acts_for_ever()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        var never = new TaskCompletionSource();
        node.Bell.Held = never.Task;
        var alarm = await node.SetAsync(time.GetUtcNow());
        await UntilAsync(() => node.Bell.Asked == 1);
        var patience = Stopwatch.StartNew();
        await node.StopAsync();
        Assert.InRange(patience.Elapsed, TimeSpan.Zero, Seconds(10));

        await using var next = await StartAsync(database);
        await PassUntilAsync(() => next.Bell.Rung.Count == 1, next);
        Assert.Equal(1, await RungAsync(next, alarm));
        never.SetResult();
    }

    [Fact]
    public async Task Should_act_though_the_schedulers_tables_were_emptied()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        await node.SetAsync(time.GetUtcNow());
        await PassUntilAsync(() => node.Bell.Rung.Count == 1, node);
        await NothingIsLeftAsync(database);

        await node.SetAsync(time.GetUtcNow() + Seconds(4));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        foreach (var table in Tables)
            await database.AskAsync($"DELETE FROM alarms.qrtz_{table}");
        Assert.Equal(0, await HandedOverAsync(database));
        await PassUntilAsync(() => node.Bell.Rung.Count == 2, node);
    }

    [Fact]
    public async Task Should_act_when_the_clock_is_set_forward()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        await node.SetAsync(time.GetUtcNow() + TimeSpan.FromMinutes(30));
        await node.SetAsync(time.GetUtcNow() + Seconds(4));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        time.Set(forwards: TimeSpan.FromHours(1));
        // Nobody is told that the clock was set: it is noticed by the next look, and at the latest when Quartz looks.
        await PassUntilAsync(() => node.Bell.Rung.Count == 2, node);
    }

    [Fact]
    public async Task Should_act_on_what_is_set_after_the_clock_was_set_back()
    {
        await using var database = await server.CreateAsync();
        await using var node = await StartAsync(database);
        var before = await node.SetAsync(time.GetUtcNow() + Seconds(20));
        time.Advance(Seconds(3));
        time.Set(forwards: TimeSpan.FromHours(-1));
        var after = await node.SetAsync(time.GetUtcNow() + Seconds(20));
        time.Advance(Seconds(18));
        await UntilAsync(async () => await HandedOverAsync(database) == 1);
        time.Advance(Seconds(2));
        await UntilAsync(() => node.Bell.Rung.Count == 1);
        Assert.Equal((0, 1), (await RungAsync(node, before), await RungAsync(node, after)));
        time.Advance(TimeSpan.FromHours(1));
        await UntilAsync(() => node.Bell.Rung.Count == 2);
        Assert.Equal((1, 1), (await RungAsync(node, before), await RungAsync(node, after)));
    }

    [Fact]
    public async Task Should_act_when_the_database_is_back_and_say_little_about_it()
    {
        await using var database = await server.CreateAsync();
        await using var node = await AlarmNode.StartAsync(server.At(database.ConnectionString), TimeProvider.System);
        await node.SetAsync(TimeProvider.System.GetUtcNow() + Seconds(1));
        await UntilAsync(() => node.Bell.Rung.Count == 1);
        await node.SetAsync(TimeProvider.System.GetUtcNow() + Seconds(3));
        await node.SetAsync(TimeProvider.System.GetUtcNow() + Seconds(7));
        await database.IsAwayAsync(true);
        await Task.Delay(Seconds(12), Ct);
        Assert.Single(node.Bell.Rung);
        await database.IsAwayAsync(false);
        var back = Stopwatch.StartNew();
        await UntilAsync(() => node.Bell.Rung.Count == 3);
        TestContext.Current.TestOutputHelper!.WriteLine($"{back.Elapsed}");
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join('\n', node.Log));
        Assert.Single(node.Log);
    }

    private async Task<NodeProcess> KillableAsync(ServerDatabase database)
    {
        var process = NodeProcess.Start(database);
        await using var db = Context(database);
        await UntilAsync(async () => (await AlarmNode.SchedulersAsync(db)).Exists(name => name.Contains(process.Mark, StringComparison.Ordinal)));
        return process;
    }

    // One timer acts when the process is killed, and one is about to.
    private async Task KilledOverTwoAsync(ServerDatabase database, NodeProcess process)
    {
        await using var db = Context(database);
        var now = TimeProvider.System.GetUtcNow();
        db.AddRange(AlarmAt(now), AlarmAt(now + Seconds(6)));
        await db.SaveChangesAsync(Ct);
        await UntilAsync(async () => await database.CountAsync($"alarms.qrtz_FIRED_TRIGGERS WHERE state = 'EXECUTING' AND instance_name LIKE '%{process.Mark}%'") == 1
            && await HandedOverAsync(database, "trigger_state = 'ACQUIRED'") == 1);
        await process.KillAsync();
    }

    private async Task BothRangOnceAsync(ServerDatabase database)
    {
        await NothingIsLeftAsync(database);
        await using var db = Context(database);
        Assert.Equal([1, 1], await db.Set<Alarm>().Select(a => a.Rung).ToListAsync(Ct));
    }
}
