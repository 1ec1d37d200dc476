using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Steps;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class CrashesOnPostgres() : CrashKit(TestServer.Postgres);

public sealed class CrashesOnSqlServer() : CrashKit(TestServer.SqlServer);

/// <summary>A process dies at a named point, on RabbitMQ, with other messages in its hands; another goes on. Nothing is lost, nothing done twice.</summary>
public abstract class CrashKit(TestServer server)
{
    private const int Counters = 5, Counts = 8, Entries = 20;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string, int> Deaths
    {
        get
        {
            var deaths = new TheoryData<string, int>();
            foreach (var point in Worker.Points)
                foreach (var times in TestSize.Long ? [1, 2, 7, 20, 33] : new[] { 7 })
                    deaths.Add(point, times);
            return deaths;
        }
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task Should_lose_nothing_and_do_nothing_twice(string point, int times)
    {
        await using var database = await server.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var listener = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri, Works = false });
        await using var dying = await Worker.StartAsync(database, broker, point, times);
        var asked = await AskAsync(listener);
        await dying.Died.WaitAsync(TimeSpan.FromSeconds(30), Ct);

        await using var next = await Worker.StartAsync(database, broker);
        await AllIsWellAsync(listener, asked);
    }

    [Fact]
    public async Task Should_lose_nothing_when_one_of_two_dies()
    {
        await using var database = await server.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var listener = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri, Works = false });
        var workers = await Task.WhenAll(Worker.StartAsync(database, broker, "committed", 5), Worker.StartAsync(database, broker));
        await using var dying = workers[0];
        await using var living = workers[1];
        var asked = await AskAsync(listener);
        await dying.Died.WaitAsync(TimeSpan.FromSeconds(30), Ct);
        await AllIsWellAsync(listener, asked);
    }

    [Fact]
    public async Task Should_keep_what_was_asked_before_anybody_was_there()
    {
        await using var database = await server.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var listener = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri, Works = false });
        // The queues of the absent ones are declared by whoever sends to them.
        var asked = await AskAsync(listener);
        await using var worker = await Worker.StartAsync(database, broker);
        await AllIsWellAsync(listener, asked);
    }

    [Theory]
    [InlineData("decided")]
    [InlineData("saved")]
    [InlineData("committed")]
    public async Task Should_lose_nothing_when_it_dies_with_a_whole_group(string point)
    {
        await using var database = await server.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var listener = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri, Works = false });
        var counters = Enumerable.Range(0, 200).Select(_ => Guid.NewGuid()).ToList();
        await Task.WhenAll(counters.Select(c => listener.CountAsync(c, 1)));
        // They wait already: while it is at the first, others come into its hands.
        await using (var dying = await Worker.StartAsync(database, broker, point, times: 2))
            await dying.Died.WaitAsync(TimeSpan.FromSeconds(30), Ct);
        Assert.InRange(await listener.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)), 1, counters.Count - 1);

        await using var next = await Worker.StartAsync(database, broker);
        await Eventually.HoldsAsync(() => Task.FromResult(counters.ToHashSet().SetEquals(listener.Heard.All.Select(h => h.SagaId))), "every answer heard", seconds: 60);
        Assert.All(listener.Heard.All.GroupBy(h => h.SagaId), said => Assert.Single(said.Select(h => (h.MessageId, h.Total)).Distinct()));
        Assert.Equal(Enumerable.Repeat(1, counters.Count), await listener.InDatabaseAsync(db => db.Set<Counter>().Select(c => c.Total).ToListAsync(Ct)));
        Assert.Equal(counters.Count, await listener.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
    }

    private static async Task<Asked> AskAsync(Node node)
    {
        var counters = Enumerable.Range(0, Counters).Select(_ => Guid.NewGuid()).ToList();
        var entries = Enumerable.Range(0, Entries).Select(_ => Guid.NewGuid()).ToList();
        await Task.WhenAll([
            .. Enumerable.Range(0, Counts).SelectMany(_ => counters).Select(c => node.CountAsync(c, 1)),
            .. entries.Select(e => node.Bus.Publish(new Enter(e, "entries"), Ct)),
        ]);
        return new Asked(counters, entries);
    }

    private static async Task AllIsWellAsync(Node listener, Asked asked)
    {
        var expected = asked.Counters.SelectMany(c => Enumerable.Range(1, Counts).Select(total => (nameof(Counted), c, total)))
            .Concat(asked.Entries.Select(e => (nameof(Entered), e, 0))).ToHashSet();
        await Eventually.HoldsAsync(() => Task.FromResult(expected.IsSubsetOf(listener.Heard.All.Select(h => (h.Contract, h.SagaId, h.Total)))), "every answer heard", seconds: 60);

        Assert.All(asked.Counters, counter => Assert.Contains((nameof(Counted), counter, Counts), expected));
        Assert.Equal(Enumerable.Repeat(Counts, Counters), await listener.InDatabaseAsync(db => db.Set<Counter>().Select(c => c.Total).ToListAsync(Ct)));
        Assert.Equal(Counters * Counts, await listener.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
        Assert.Equal(Entries, await listener.InDatabaseAsync(db => db.Set<Tally>().Where(t => t.Name == "entries").Select(t => t.Total).SingleAsync(Ct)));
        Assert.Equal(Entries, await listener.InDatabaseAsync(db => db.Set<StepLogEntry>().CountAsync(Ct)));
        // Said twice perhaps, but never as two messages; and never anything else.
        Assert.Empty(listener.Heard.All.Select(h => (h.Contract, h.SagaId, h.Total)).Except(expected));
        Assert.All(listener.Heard.All.GroupBy(h => (h.Contract, h.SagaId, h.Total)), said => Assert.Single(said.Select(h => h.MessageId).Distinct()));
        Assert.Empty(await listener.DeadLettersAsync());
    }

    private sealed record Asked(IReadOnlyList<Guid> Counters, IReadOnlyList<Guid> Entries);
}
