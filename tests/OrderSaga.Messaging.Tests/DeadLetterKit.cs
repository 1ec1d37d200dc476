using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class DeadLettersOnPostgres() : DeadLetterKit(TestServer.Postgres);

public sealed class DeadLettersOnSqlServer() : DeadLetterKit(TestServer.SqlServer);

/// <summary>What cannot be handled is kept, whole and with its cause, and nothing behind it waits.</summary>
public abstract class DeadLetterKit(TestServer server)
{
    private readonly Guid counter = Guid.NewGuid();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_keep_a_poisoned_message_and_let_the_others_pass()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var poison = Guid.NewGuid();
        await node.Bus.Publish(new Count(counter, 0), context =>
        {
            context.MessageId = poison;
            context.Headers.Set(SagaHeaders.SagaId, counter.ToString());
        }, Ct);
        for (var i = 0; i < 5; i++)
            await node.CountAsync(counter, 1);
        var letter = await FirstAsync(node);
        Assert.Equal((poison, counter, "counter", nameof(Count), nameof(InvalidOperationException), "Nothing to count.", 1),
            (letter.MessageId, letter.SagaId!.Value, letter.Queue, letter.MessageType, letter.Cause, letter.Error, letter.Times));
        Assert.Contains(nameof(CounterMachine), letter.Details, StringComparison.Ordinal);
        Assert.Contains(counter.ToString(), System.Text.Encoding.UTF8.GetString(letter.Body), StringComparison.Ordinal);
        Assert.Contains(SagaHeaders.SagaId, letter.Headers, StringComparison.Ordinal);
        await Eventually.HoldsAsync(async () => await node.TotalAsync(counter) == 5, "a total of 5");
        // Whoever asked hears of it too.
        await Eventually.HoldsAsync(() => Task.FromResult(node.Heard.All.Any(h => h.Total == -1)), "a fault");
    }

    [Fact]
    public async Task Should_count_up_what_fails_again_when_it_is_replayed()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 0);
        var letter = await FirstAsync(node);
        Assert.True(await node.DeadLetters.ReplayAsync(letter.Id, "ann", Ct) || await IsTwiceAsync(node));
        await Eventually.HoldsAsync(() => IsTwiceAsync(node), "the same letter, twice");
    }

    [Fact]
    public async Task Should_handle_a_replay_once_its_cause_is_gone_and_only_once()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var cause = new InvalidOperationException("The shelf is locked.");
        node.Services.GetRequiredService<Meeting>().Between = () => cause is null ? Task.CompletedTask : throw cause;
        await node.Bus.Publish(new CountAcross(counter, "left", "right"), Ct);
        var letter = await FirstAsync(node);
        Assert.Equal(0, await node.TotalAsync(counter));

        cause = null;
        Assert.True(await node.DeadLetters.ReplayAsync(letter.Id, "ann", Ct));
        await Eventually.HoldsAsync(async () => await node.TotalAsync(counter) == 1, "a total of 1");
        Assert.False(await node.DeadLetters.ReplayAsync(letter.Id, "bob", Ct));
        Assert.Empty(await node.DeadLetters.WaitingAsync(10, Ct));
        var kept = await InOpsAsync(node, db => db.DeadLetters.SingleAsync(Ct));
        Assert.Equal((DeadLetterStatus.Replayed, "ann"), (kept.Status, kept.SettledBy));
        await node.Heard.NextAsync();
        Assert.Equal(1, await node.TotalAsync(counter));
    }

    [Fact]
    public async Task Should_keep_what_was_discarded_for_the_record()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await node.CountAsync(counter, 0);
        var letter = await FirstAsync(node);
        Assert.True(await node.DeadLetters.DiscardAsync(letter.Id, "ann", "a test", Ct));
        Assert.False(await node.DeadLetters.DiscardAsync(letter.Id, "bob", "again", Ct));
        Assert.False(await node.DeadLetters.ReplayAsync(letter.Id, "bob", Ct));
        var kept = await InOpsAsync(node, db => db.DeadLetters.SingleAsync(Ct));
        Assert.Equal((DeadLetterStatus.Discarded, "ann", "a test"), (kept.Status, kept.SettledBy, kept.Reason));
    }

    [Fact]
    public async Task Should_keep_what_no_consumer_takes()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var endpoint = await node.Bus.GetSendEndpoint(new Uri("exchange:counter"));
        await endpoint.Send(new Enter(counter, "entries"), Ct);
        var letter = await FirstAsync(node);
        Assert.Equal((DeadLetterCause.Unknown, nameof(Enter)), (letter.Cause, letter.MessageType));
    }

    [Fact]
    public async Task Should_hold_a_dead_letter_while_the_store_is_away()
    {
        await using var database = await server.CreateAsync();
        await using var store = await server.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Ops = store.Connect() });
        await store.IsAwayAsync(true);
        await node.CountAsync(counter, 0);
        await Eventually.HoldsAsync(() => Task.FromResult(node.Heard.All.Any(h => h.Total == -1)), "a fault");
        // What comes behind it does not wait.
        await node.CountAsync(counter, 1);
        await Eventually.HoldsAsync(async () => await node.TotalAsync(counter) == 1, "a total of 1");
        await store.IsAwayAsync(false);
        Assert.Equal(1, (await FirstAsync(node)).Times);
    }

    private static async Task<bool> IsTwiceAsync(Node node) => (await node.DeadLetters.WaitingAsync(10, Ct)) is [{ Times: 2 }];

    private static async Task<DeadLetter> FirstAsync(Node node)
    {
        await Eventually.HoldsAsync(async () => (await node.DeadLetters.WaitingAsync(1, Ct)).Count == 1, "a dead letter");
        return Assert.Single(await node.DeadLetters.WaitingAsync(10, Ct));
    }

    private static async Task<T> InOpsAsync<T>(Node node, Func<OpsDb, Task<T>> read)
    {
        await using var scope = node.Services.CreateAsyncScope();
        return await read(scope.ServiceProvider.GetRequiredService<OpsDb>());
    }
}
