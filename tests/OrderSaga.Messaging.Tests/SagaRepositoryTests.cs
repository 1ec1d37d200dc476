using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public class When_a_saga_handles_a_message
{
    private readonly Guid counter = Guid.NewGuid();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_commit_state_and_outgoing_messages_together_and_send_them_after()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 2);
        await node.CountAsync(counter, 3);
        await node.Heard.NextAsync(2);
        Assert.Equal(5, await TotalAsync(node));
        Assert.Equal(2, await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
        await NothingUnsentAsync(node);
    }

    [Fact]
    public async Task Should_cost_one_transaction_and_three_round_trips()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 1);
        await node.Heard.NextAsync();
        await NothingUnsentAsync(node);
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
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var message = Guid.NewGuid();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => node.CountAsync(counter, 7, message)));
        await node.CountAsync(counter, 1);
        await UntilAsync(async () => await TotalAsync(node) == 8);
        Assert.Single(node.Heard.All.Where(h => h.Total == 7).Select(h => h.MessageId).Distinct());
    }

    [Fact]
    public async Task Should_replay_the_slower_one_when_messages_of_one_saga_race()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var one = await Node.StartAsync(database);
        await using var two = await Node.StartAsync(database);
        await Task.WhenAll(Enumerable.Range(0, 30).Select(i => (i % 2 == 0 ? one : two).CountAsync(counter, 1)));
        await UntilAsync(async () => await TotalAsync(one) == 30);
        await UntilAsync(() => Task.FromResult(one.Heard.All.Count + two.Heard.All.Count >= 30));
        Assert.Equal(Enumerable.Range(1, 30), one.Heard.All.Concat(two.Heard.All).Select(h => h.Total).Distinct().Order());
    }

    [Fact]
    public async Task Should_store_and_send_nothing_when_it_throws()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 0);
        await node.Heard.NextAsync();
        Assert.Equal(-1, Assert.Single(node.Heard.All).Total);
        Assert.Equal(0, await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
        Assert.Equal(0, await node.InDatabaseAsync(db => db.Set<Counter>().CountAsync(Ct)));
    }

    [Fact]
    public async Task Should_send_at_the_next_start_what_a_crash_left_unsent()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using (var node = await Node.StartAsync(database))
        {
            // A commit whose process died before it sent: the trigger keeps the mark from being set, as a crash would.
            await node.CountAsync(counter, 4);
            await node.Heard.NextAsync();
            await NothingUnsentAsync(node);
            await node.InDatabaseAsync(db => db.Database.ExecuteSqlRawAsync("""
                CREATE FUNCTION counting.crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
                CREATE TRIGGER crash BEFORE UPDATE ON counting.handled_message FOR EACH ROW EXECUTE FUNCTION counting.crash();
                """, Ct));
            await node.CountAsync(counter, 5);
            await node.Heard.NextAsync();
        }

        await using var next = await Node.StartAsync(database);
        await next.Heard.NextAsync();
        Assert.Equal(9, Assert.Single(next.Heard.All).Total);
    }

    [Fact]
    public async Task Should_send_again_what_is_unsent_when_its_message_comes_again()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var message = Guid.NewGuid();
        await node.InDatabaseAsync(db => db.Database.ExecuteSqlRawAsync("""
            CREATE FUNCTION counting.crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
            CREATE TRIGGER crash BEFORE UPDATE ON counting.handled_message FOR EACH ROW EXECUTE FUNCTION counting.crash();
            """, Ct));
        await node.CountAsync(counter, 6, message);
        await node.Heard.NextAsync();
        await node.CountAsync(counter, 6, message);
        await node.Heard.NextAsync();
        Assert.Equal([6, 6], node.Heard.All.Select(h => h.Total));
        Assert.Single(node.Heard.All.Select(h => h.MessageId).Distinct());
        Assert.Equal(6, await TotalAsync(node));
    }

    private Task<int> TotalAsync(Node node) => node.InDatabaseAsync(db => db.Set<Counter>().Where(c => c.CorrelationId == counter).Select(c => c.Total).SingleOrDefaultAsync(Ct));

    private static Task NothingUnsentAsync(Node node) => UntilAsync(async () => !await node.InDatabaseAsync(db => db.Set<HandledMessage>().AnyAsync(m => m.Outgoing != null, Ct)));

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 400; i++)
        {
            if (await holds())
                return;
            await Task.Delay(50, Ct);
        }

        Assert.Fail("It did not come to hold within 20 s.");
    }
}
