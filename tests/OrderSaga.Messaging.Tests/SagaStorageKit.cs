using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class SagaStorageOnPostgres() : SagaStorageKit(TestServer.Postgres);

public sealed class SagaStorageOnSqlServer() : SagaStorageKit(TestServer.SqlServer);

/// <summary>What a saga's storage promises on every kind of database.</summary>
public abstract class SagaStorageKit(TestServer server)
{
    private readonly Guid counter = Guid.NewGuid();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_commit_state_and_outgoing_messages_together_and_send_them_after()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 2);
        await node.CountAsync(counter, 3);
        await node.Heard.NextAsync(2);
        Assert.Equal(5, await node.TotalAsync(counter));
        Assert.Equal(2, await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
        await node.NothingUnsentAsync();
    }

    [Fact]
    public async Task Should_cost_one_transaction_and_three_round_trips()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 1);
        await node.Heard.NextAsync();
        await node.NothingUnsentAsync();
        var (commands, commits) = (node.Roundtrips.Commands, node.Roundtrips.Commits);
        await node.CountAsync(counter, 1);
        await node.Heard.NextAsync();
        Assert.Equal(1, node.Roundtrips.Commits - commits);
        // Load, save, and behind the hot path perhaps already the mark that it was sent; the commit is the third round trip.
        Assert.InRange(node.Roundtrips.Commands - commands, 2, 3);
    }

    [Fact]
    public async Task Should_absorb_a_duplicate_even_when_many_come_at_once()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var message = Guid.NewGuid();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => node.CountAsync(counter, 7, message)));
        await node.CountAsync(counter, 1);
        await Eventually.HoldsAsync(async () => await node.TotalAsync(counter) == 8, "a total of 8");
        Assert.Single(node.Heard.All.Where(h => h.Total == 7).Select(h => h.MessageId).Distinct());
    }

    [Fact]
    public async Task Should_replay_the_slower_one_when_messages_of_one_saga_race()
    {
        await using var database = await server.CreateAsync();
        await using var one = await Node.StartAsync(database);
        await using var two = await Node.StartAsync(database);
        await Task.WhenAll(Enumerable.Range(0, 30).Select(i => (i % 2 == 0 ? one : two).CountAsync(counter, 1)));
        await Eventually.HoldsAsync(async () => await one.TotalAsync(counter) == 30, "a total of 30");
        await Eventually.HoldsAsync(() => Task.FromResult(one.Heard.All.Count + two.Heard.All.Count >= 30), "30 answers");
        Assert.Equal(Enumerable.Range(1, 30), one.Heard.All.Concat(two.Heard.All).Select(h => h.Total).Distinct().Order());
    }

    [Fact]
    public async Task Should_store_and_send_nothing_when_it_throws()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 0);
        await node.Heard.NextAsync();
        Assert.Equal(-1, Assert.Single(node.Heard.All).Total);
        Assert.Equal(0, await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
        Assert.Equal(0, await node.InDatabaseAsync(db => db.Set<Counter>().CountAsync(Ct)));
    }

    [Fact]
    public async Task Should_survive_a_deadlock()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        // Each holds one tally and then wants the other's; the database ends one of them, which is handled again.
        using var both = new Barrier(2);
        node.Services.GetRequiredService<Meeting>().Between = () => Task.Run(() => both.SignalAndWait(TimeSpan.FromSeconds(5), Ct), Ct);
        await node.Bus.Publish(new CountAcross(counter, "left", "right"), Ct);
        await node.Bus.Publish(new CountAcross(Guid.NewGuid(), "right", "left"), Ct);
        await node.Heard.NextAsync(2);
        Assert.Equal([2, 2], await node.InDatabaseAsync(db => db.Set<Tally>().Where(t => t.Name != "entries").Select(t => t.Total).ToListAsync(Ct)));
        Assert.All(node.Heard.All, h => Assert.Equal(1, h.Total));
    }

    [Fact]
    public async Task Should_hold_messages_while_its_database_is_away()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 1);
        await node.Heard.NextAsync();
        await database.IsAwayAsync(true);
        for (var i = 0; i < 10; i++)
            await node.CountAsync(counter, 1);
        // Longer than the retries of a fault would last.
        await Task.Delay(ReliableMessaging.LongestRetry + TimeSpan.FromSeconds(1), Ct);
        Assert.Single(node.Heard.All);
        await database.IsAwayAsync(false);
        await node.Heard.NextAsync(10);
        Assert.Equal(Enumerable.Range(1, 11), node.Heard.All.Select(h => h.Total).Order());
    }

    [Fact]
    public async Task Should_be_read_and_queried_as_MassTransit_does()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 4);
        await node.Heard.NextAsync();
        await using var scope = node.Services.CreateAsyncScope();
        var loaded = await scope.ServiceProvider.GetRequiredService<MassTransit.ILoadSagaRepository<Counter>>().Load(counter);
        Assert.Equal(4, loaded.Total);
        var found = await scope.ServiceProvider.GetRequiredService<MassTransit.IQuerySagaRepository<Counter>>().Find(new MassTransit.Saga.SagaQuery<Counter>(c => c.Total == 4));
        Assert.Equal([counter], found);
    }

    [Fact]
    public async Task Should_replay_a_save_that_could_not_be_serialized()
    {
        await using var database = await server.CreateAsync();
        var once = new FailsOnce();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Services = s => s.AddSingleton<IInterceptor>(once) });
        await node.CountAsync(counter, 3);
        await node.Heard.NextAsync();
        Assert.Equal(3, await node.TotalAsync(counter));
        Assert.Equal(1, once.Failures);
    }

    /// <summary>The first save of a message meets somebody who was faster.</summary>
    private sealed class FailsOnce : SaveChangesInterceptor
    {
        public int Failures { get; private set; }

        public override ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            if (Failures == 0 && eventData.Context!.ChangeTracker.Entries<Counter>().Any())
            {
                Failures++;
                throw new DbUpdateConcurrencyException("Somebody was faster.");
            }

            return ValueTask.FromResult(result);
        }
    }
}
