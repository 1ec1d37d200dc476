using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Npgsql;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>What timers cost the database, counted by the driver: every command that is sent, Quartz's as well as ours.</summary>
public sealed partial class When_timers_are_counted
{
    private readonly ManualTime time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Should_cost_a_command_a_second_while_nothing_is_due(int nodes)
    {
        await using var database = await TestDatabase.CreateAsync();
        var running = new List<AlarmNode>();
        for (var i = 0; i < nodes; i++)
            running.Add(await StartAsync(database));
        await running[0].SetAsync(time.GetUtcNow() + TimeSpan.FromHours(1));
        using var commands = new Commands(database);
        await PassAsync(TimeSpan.FromMinutes(1));
        commands.Tell();
        Assert.InRange(commands.Of(""), 20 * nodes, 65 * nodes);
        foreach (var node in running)
            await node.DisposeAsync();
    }

    [Fact]
    public async Task Should_cost_nothing_when_a_timer_is_overtaken_in_time()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await StartAsync(database);
        var alarm = await node.SetAsync(time.GetUtcNow() + TimeSpan.FromSeconds(20));
        // Whatever belongs to the start is over when the first check-in has passed; then the clock stands still.
        await PassAsync(TimeSpan.FromSeconds(10));
        using var commands = new Commands(database);
        for (var i = 0; i < 10; i++)
            await node.SetAsync(time.GetUtcNow() + TimeSpan.FromSeconds(20), alarm);
        // The row is read and written, ten times; EF Core's savepoints aside.
        Assert.Equal(20, commands.Of("") - commands.Of("SAVEPOINT"));
    }

    [Theory]
    [InlineData(1, 30)]
    [InlineData(100, 13)]
    public async Task Should_cost_little_more_than_a_dozen_commands_when_many_fire(int timers, int most)
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await StartAsync(database);
        await FireAsync(1);
        using var commands = new Commands(database);
        await FireAsync(timers);
        commands.Tell();
        Assert.InRange(commands.Of("_TRIGGER", "_JOB_DETAILS", "_LOCKS", "_PAUSED") / (double)timers, 1, most);
        // A look may now and then hand over again what fires at that moment; that one finds another token.
        Assert.InRange(commands.Of("EXISTS ( SELECT 1 FROM alarms.alarm"), timers, (timers * 1.1) + 1);

        async Task FireAsync(int count)
        {
            var rung = node.Bell.Rung.Count + count;
            await Task.WhenAll(Enumerable.Range(0, count).Select(_ => node.SetAsync(time.GetUtcNow() + TimeSpan.FromSeconds(2))));
            await PassAsync(TimeSpan.FromSeconds(3));
            // The clock runs no faster than the machine while they fire: what has fired and not acted yet would be found by the next look.
            for (var i = 1; node.Bell.Rung.Count < rung; i++)
            {
                if (i % 100 == 0)
                    await PassAsync(TimeSpan.FromSeconds(1));
                await Task.Delay(30, Ct);
            }

            await PassAsync(TimeSpan.FromSeconds(1));
        }
    }

    private async Task PassAsync(TimeSpan passed)
    {
        for (var end = time.GetUtcNow() + passed; time.GetUtcNow() < end;)
        {
            time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Delay(30, Ct);
        }
    }

    private Task<AlarmNode> StartAsync(TestDatabase database) => AlarmNode.StartAsync(TestServer.Postgres.At(database.ConnectionString), time);

    private sealed partial class Commands : IDisposable
    {
        private readonly ConcurrentQueue<string> all = [];
        private readonly ActivityListener listener;

        public Commands(TestDatabase database)
        {
            var name = new NpgsqlConnectionStringBuilder(database.ConnectionString).Database;
            listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == "Npgsql",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = activity =>
                {
                    if (activity.GetTagItem("db.namespace") as string == name && activity.GetTagItem("db.query.text") is string text)
                        all.Enqueue(Blanks.Replace(text, " "));
                },
            };
            ActivitySource.AddActivityListener(listener);
        }

        /// <summary>How many commands speak of one of these.</summary>
        public int Of(params string[] words) => all.Count(text => words.Any(word => text.Contains(word, StringComparison.OrdinalIgnoreCase)));

        public void Tell() => TestContext.Current.TestOutputHelper!.WriteLine(string.Join(
            '\n', all.GroupBy(text => text[..Math.Min(120, text.Length)]).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} x {g.Key}").Prepend($"{all.Count} commands:")));

        public void Dispose() => listener.Dispose();

        [GeneratedRegex(@"\s+")]
        private static partial Regex Blanks { get; }
    }
}
