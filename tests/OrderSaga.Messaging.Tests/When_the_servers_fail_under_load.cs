using System.Diagnostics;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>The servers are shared by all tests: while one of these runs, no other does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>Database and broker crash, restart and lose their queues in the middle of the work; the nodes go on by themselves.</summary>
[Collection(nameof(Alone))]
public class When_the_servers_fail_under_load
{
    private const int Counters = 5, Counts = 40;

    // A server that does not come back fails one test, not the run.
    private const int Limit = 180_000;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact(Timeout = Limit)]
    public Task Should_lose_nothing_when_the_database_crashes_and_recovers() => UnderLoadAsync(async (node, _) =>
    {
        // A server process that dies takes all others with it: PostgreSQL drops its memory and replays its log.
        var backend = await node.InDatabaseAsync(db => db.Database.SqlQueryRaw<int>("SELECT pg_backend_pid() AS \"Value\"").SingleAsync(Ct));
        using var kill = Process.Start("kill", ["-KILL", backend.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Ct);
        Assert.Equal(0, kill.ExitCode);
    });

    [Fact(Timeout = Limit)]
    public Task Should_lose_nothing_when_the_broker_restarts() => UnderLoadAsync((_, _) => TestBroker.RestartAsync());

    [Fact(Timeout = Limit)]
    public async Task Should_listen_again_when_its_queues_are_deleted()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri });
        var load = Task.WhenAll(Enumerable.Range(0, 50).Select(_ => PublishAsync(node, Guid.NewGuid())));
        await node.Heard.NextAsync();
        await broker.DeleteQueuesAsync();
        await load;
        // The queues are there again, with their arguments and bindings, and somebody listens.
        var after = Guid.NewGuid();
        await Eventually.HoldsAsync(async () =>
        {
            await PublishAsync(node, after);
            return node.Heard.All.Any(h => h.SagaId == after);
        }, "an answer");
        Assert.All((await broker.QueuesAsync()).Values, queue => Assert.Equal("quorum", queue.GetProperty("type").GetString()));
    }

    private static async Task UnderLoadAsync(Func<Node, TestBroker, Task> disturb)
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var one = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri });
        await using var two = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri, Listens = false });
        var counters = Enumerable.Range(0, Counters).Select(_ => Guid.NewGuid()).ToList();
        var load = Task.Run(async () =>
        {
            for (var i = 0; i < Counts; i++)
                await Task.WhenAll(counters.Select(c => PublishAsync(two, c)));
        }, Ct);
        await one.Heard.NextAsync(20);
        await disturb(one, broker);
        await load;
        var expected = counters.SelectMany(c => Enumerable.Range(1, Counts).Select(total => (c, total))).ToHashSet();
        await Eventually.HoldsAsync(() => Task.FromResult(expected.SetEquals(one.Heard.All.Select(h => (h.SagaId, h.Total)))), "every answer heard", seconds: 60);
        Assert.Equal(Enumerable.Repeat(Counts, Counters), await one.InDatabaseAsync(db => db.Set<Counter>().Select(c => c.Total).ToListAsync(Ct)));
        Assert.Empty(await one.DeadLettersAsync());
    }

    // As a client would: again, with the same id, until the broker has confirmed it.
    private static async Task PublishAsync(Node node, Guid counter)
    {
        var message = Guid.NewGuid();
        for (var i = 0; ; i++)
        {
            try
            {
                await node.CountAsync(counter, 1, message).WaitAsync(TimeSpan.FromSeconds(10), Ct);
                return;
            }
            catch (Exception e) when (i < 30 && !Ct.IsCancellationRequested)
            {
                TestContext.Current.SendDiagnosticMessage("Publishing again: {0}", e.Message);
                await Task.Delay(200, Ct);
            }
        }
    }
}
