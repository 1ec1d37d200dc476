using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class DeadLettersOnPostgres() : DeadLetterKit(TestServer.Postgres);

public sealed class DeadLettersOnSqlServer() : DeadLetterKit(TestServer.SqlServer);

/// <summary>What cannot be handled is kept, whole and with its cause, and nothing behind it waits.</summary>
public abstract partial class DeadLetterKit(TestServer server)
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
        Assert.Equal(LetterAnswer.Decided, (await ReplayAsync(node, letter, "ann")).Answer);
        await Eventually.HoldsAsync(async () => await node.DeadLettersAsync() is [{ Times: 2, SettledBy: null, Due: null }], "the same letter, twice");
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
        Assert.Equal((LetterAnswer.Decided, DeadLetterStatus.Replaying), Said(await ReplayAsync(node, letter, "ann")));
        await Eventually.HoldsAsync(async () => await node.TotalAsync(counter) == 1, "a total of 1");
        await BecomesAsync(node, letter, DeadLetterStatus.Replayed);
        Assert.Equal((LetterAnswer.Already, DeadLetterStatus.Replayed), Said(await ReplayAsync(node, letter, "bob")));
        Assert.Equal(LetterAnswer.Refused, (await node.Desk.DiscardAsync(letter.Id, "too late", "bob", Ct)).Answer);
        Assert.Empty(await node.DeadLettersAsync());
        var kept = await InOpsAsync(node, db => db.DeadLetters.SingleAsync(Ct));
        Assert.Equal((letter.MessageId, "ann", (DateTimeOffset?)null), (kept.MessageId, kept.SettledBy, kept.Due));
        Assert.Equal(["ann replay replaying", "bob replay ignored", "bob discard denied too late"], await AuditAsync(node));
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
        Assert.Equal((LetterAnswer.Decided, DeadLetterStatus.Discarded), Said(await node.Desk.DiscardAsync(letter.Id, "a test", "ann", Ct)));
        Assert.Equal(LetterAnswer.Already, (await node.Desk.DiscardAsync(letter.Id, "again", "bob", Ct)).Answer);
        Assert.Equal(LetterAnswer.Refused, (await ReplayAsync(node, letter, "bob")).Answer);
        Assert.Equal(LetterAnswer.Unknown, (await node.Desk.DiscardAsync(Guid.NewGuid(), "a test", "ann", Ct)).Answer);
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

    [Fact]
    public async Task Should_replay_once_however_many_decide_at_once()
    {
        await using var database = await server.CreateAsync();
        await using var one = await Node.StartAsync(database);
        await using var other = await Node.StartAsync(database);
        var broken = true;
        foreach (var node in new[] { one, other })
            node.Services.GetRequiredService<Meeting>().Between = () => broken ? throw new InvalidOperationException("The shelf is locked.") : Task.CompletedTask;
        await one.Bus.Publish(new CountAcross(counter, "left", "right"), Ct);
        var letter = await FirstAsync(one);
        broken = false;
        var said = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => ReplayAsync(i % 2 == 0 ? one : other, letter, $"ann{i}")));
        Assert.Equal([LetterAnswer.Decided, .. Enumerable.Repeat(LetterAnswer.Already, 11)], said.Select(s => s.Answer).Order());
        await BecomesAsync(one, letter, DeadLetterStatus.Replayed);
        Assert.Equal(1, await one.TotalAsync(counter));
        Assert.Equal(12, (await AuditAsync(one)).Count);
    }

    [Fact]
    public async Task Should_send_what_was_decided_by_a_process_that_is_gone()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Services = Keeps });
        var broken = true;
        node.Services.GetRequiredService<Meeting>().Between = () => broken ? throw new InvalidOperationException("The shelf is locked.") : Task.CompletedTask;
        await node.Bus.Publish(new CountAcross(counter, "left", "right"), Ct);
        var letter = await FirstAsync(node);
        broken = false;
        // It died between its commit and the broker.
        await InOpsAsync(node, db => db.DeadLetters.ExecuteUpdateAsync(set => set.SetProperty(l => l.Status, DeadLetterStatus.Replaying).SetProperty(l => l.Due, TimeProvider.System.GetUtcNow().AddSeconds(-1)), Ct));
        await BecomesAsync(node, letter, DeadLetterStatus.Replayed);
        Assert.Equal(1, await node.TotalAsync(counter));
    }

    [Fact]
    public async Task Should_give_back_what_the_broker_will_not_take()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var letter = Letter("nowhere", "nowhere://there/is/no/such/place");
        await node.Services.GetRequiredService<DeadLetterStore>().StoreAsync(letter, Ct);
        var said = await ReplayAsync(node, letter, "ann");
        Assert.Equal((LetterAnswer.Refused, DeadLetterStatus.Waiting), Said(said));
        Assert.Contains("would not take it", said.Why, StringComparison.Ordinal);
        var kept = Assert.Single(await node.DeadLettersAsync());
        Assert.Equal((1, null, null), (kept.Times, kept.Due, kept.SettledBy));
        Assert.StartsWith("ann replay not sent ", (await AuditAsync(node))[^1], StringComparison.Ordinal);
    }

    private static void Keeps(IServiceCollection services)
    {
        services.AddAlerts();
        services.AddDeadLetterKeeper();
    }

    private DeadLetter Letter(string queue, string? address = null) => new()
    {
        Id = Guid.NewGuid(), Queue = queue, Address = address ?? DeadLetter.AddressOf(queue), MessageId = Guid.NewGuid(), SagaId = counter, MessageType = nameof(Count), ContentType = "application/json",
        Headers = """{"saga-id":"x","api-key":"k"}""", Body = """{"token":"tok_1","by":1}"""u8.ToArray(), Cause = "Test", Error = "It is a test.",
    };

    private static Task<LetterOutcome> ReplayAsync(Node node, DeadLetter letter, string actor) => node.Desk.ReplayAsync(letter.Id, reason: null, actor, Ct);

    private static (LetterAnswer, string?) Said(LetterOutcome outcome) => (outcome.Answer, outcome.Status);

    private static Task BecomesAsync(Node node, DeadLetter letter, string status) =>
        Eventually.HoldsAsync(() => InOpsAsync(node, db => db.DeadLetters.AnyAsync(l => l.Id == letter.Id && l.Status == status, Ct)), $"a letter that is {status}");

    private static async Task<IReadOnlyList<string>> AuditAsync(Node node) =>
        [.. (await InOpsAsync(node, db => db.Actions.OrderBy(a => a.At).ThenBy(a => a.Id).ToListAsync(Ct))).Select(a => $"{a.Actor} {a.Action} {a.Outcome} {a.Reason}".Trim())];

    private static async Task<DeadLetter> FirstAsync(Node node)
    {
        await Eventually.HoldsAsync(async () => (await node.DeadLettersAsync()).Count == 1, "a dead letter");
        return Assert.Single(await node.DeadLettersAsync());
    }

    private static async Task<T> InOpsAsync<T>(Node node, Func<OpsDb, Task<T>> read)
    {
        await using var scope = node.Services.CreateAsyncScope();
        return await read(scope.ServiceProvider.GetRequiredService<OpsDb>());
    }
}
