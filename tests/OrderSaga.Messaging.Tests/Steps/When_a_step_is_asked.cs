using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Tests.Steps.Support;

namespace OrderSaga.Messaging.Tests.Steps;

/// <summary>What every step promises, wherever its effect lies.</summary>
public abstract class When_a_step_is_asked<TServer>(TServer server, Func<Guid, int, object> ask, Func<Guid, object> undo) : StepKit<TServer>(server)
    where TServer : Server
{
    private const int Some = 7, Other = 8, TooMuch = TestGateway.Limit + 1;
    private readonly TServer server = server;

    private string Step => ask(OrderId, 0).GetType().Name;

    [Fact]
    public async Task Should_do_once_what_is_asked_twice()
    {
        var first = await One.AskAsync(ask(OrderId, Some));
        var second = await Two.AskAsync(ask(OrderId, Some));
        Assert.Equal(first!.Body, second!.Body);
        Assert.Equal("done", await LogAsync(OrderId, Step));
        Assert.StartsWith($"{Some} ", await HeldAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_answer_what_an_earlier_version_stored()
    {
        var first = (await One.AskAsync(ask(OrderId, Some)))!;
        var type = first.Message.GetType();
        await using (var db = server.Open())
            await db.Log.Where(e => e.OrderId == OrderId).ExecuteUpdateAsync(set => set
                .SetProperty(e => e.AnswerType, type.FullName)
                .SetProperty(e => e.Answer, JsonSerializer.Serialize(first.Message, type)), Ct);
        Assert.Equal(first.Body, (await Two.AskAsync(ask(OrderId, Some)))!.Body);
    }

    [Fact]
    public async Task Should_undo_once_what_is_undone_twice()
    {
        await One.AskAsync(ask(OrderId, Some));
        var first = await One.AskAsync(undo(OrderId));
        var second = await Two.AskAsync(undo(OrderId));
        Assert.Equal(first!.Body, second!.Body);
        Assert.False(FoundNothing(first));
        Assert.Equal("done, undone", await LogAsync(OrderId, Step));
        Assert.EndsWith(" back", await HeldAsync(), StringComparison.Ordinal);
        Assert.Equal(0, Gateway.Net(OrderId));
    }

    [Fact]
    public async Task Should_refuse_a_command_that_comes_after_its_undo()
    {
        var undone = await One.AskAsync(undo(OrderId));
        var late = await Two.AskAsync(ask(OrderId, Some));
        Assert.True(FoundNothing(undone!));
        Assert.Equal("ALREADY_UNDONE", Reason(late!));
        Assert.Equal(late!.Body, (await One.AskAsync(ask(OrderId, Some)))!.Body);
        Assert.Equal(undone!.Body, (await One.AskAsync(undo(OrderId)))!.Body);
        Assert.Equal("barred, nothing to undo", await LogAsync(OrderId, Step));
        Assert.Equal("", await HeldAsync());
        Assert.Equal("", Gateway.Asked(OrderId));
        Assert.Equal(0, await OpenAsync());
    }

    [Fact]
    public async Task Should_refuse_without_a_trace_and_have_nothing_to_undo()
    {
        var refused = await One.AskAsync(ask(OrderId, TooMuch));
        Assert.Equal(refused!.Body, (await Two.AskAsync(ask(OrderId, TooMuch)))!.Body);
        Assert.True(FoundNothing((await One.AskAsync(undo(OrderId)))!));
        Assert.Equal("refused, nothing to undo", await LogAsync(OrderId, Step));
        Assert.Equal("", await HeldAsync());
    }

    [Fact]
    public async Task Should_refuse_other_content_under_a_key_that_was_used()
    {
        await One.AskAsync(ask(OrderId, Some));
        Assert.Equal("KEY_REUSED", Reason((await Two.AskAsync(ask(OrderId, Other)))!));
        Assert.Contains(OrderId.ToString(), Assert.Single(World.Reports.Errors), StringComparison.Ordinal);
        Assert.Equal("done", await LogAsync(OrderId, Step));
        Assert.StartsWith($"{Some} ", await HeldAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_give_all_answers_to_one_ask_one_id()
    {
        var (first, second, third) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        foreach (var (id, command) in new[] { (first, ask(OrderId, Some)), (second, ask(OrderId, Some)), (third, undo(OrderId)) })
        {
            var answer = (await One.AskAsync(command, id))!;
            Assert.Equal(MessageId.Derive(id, answer.Message.GetType().Name), answer.Id);
            Assert.Equal(answer.Id, (await Two.AskAsync(command, id))!.Id);
            Assert.Equal(SagaHeaders.KeyOf(OrderId, command.GetType().Name), answer.Headers[SagaHeaders.Key]);
            Assert.Equal(Step, answer.Headers[SagaHeaders.Step]);
        }
    }

    [Fact]
    public async Task Should_say_so_when_it_does_not_know_the_stored_answer()
    {
        await One.AskAsync(ask(OrderId, Some));
        await using (var db = server.Open())
            await db.Log.Where(e => e.OrderId == OrderId).ExecuteUpdateAsync(set => set.SetProperty(e => e.AnswerType, "Of.Another.Version"), Ct);
        var fault = await Assert.ThrowsAsync<FaultException>(() => One.AskAsync(ask(OrderId, Some)));
        Assert.Contains($"The stored answer of {Step} for {OrderId} is a Of.Another.Version, which this version does not know.", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Should_settle_do_and_undo_that_race(int doesFirst)
    {
        var commands = Enumerable.Range(0, 12).Select(i => i % 3 == doesFirst ? ask(OrderId, Some) : undo(OrderId));
        await Task.WhenAll(commands.Select((command, i) => (i % 2 == 0 ? One : Two).AskAsync(command)));
        // Who met another at work has no answer yet, and asks again.
        var (done, undone) = ((await One.AskAsync(ask(OrderId, Some)))!, (await One.AskAsync(undo(OrderId)))!);
        Assert.Equal(FoundNothing(undone) ? "barred, nothing to undo" : "done, undone", await LogAsync(OrderId, Step));
        Assert.Equal(FoundNothing(undone), JsonSerializer.Serialize(done.Message, done.Message.GetType()).Contains("ALREADY_UNDONE", StringComparison.Ordinal));
        Assert.DoesNotContain("charge charge", Gateway.Asked(OrderId), StringComparison.Ordinal);
        Assert.Equal(0, Gateway.Net(OrderId));
        Assert.Equal(0, await OpenAsync());
        Assert.Empty(World.Reports.Errors);
    }

    private static bool FoundNothing(Answer answer) => JsonDocument.Parse(answer.Body).RootElement.GetProperty("NothingToUndo").GetBoolean();

    private static string? Reason(Answer answer) => JsonDocument.Parse(answer.Body).RootElement.GetProperty("Reason").GetString();
}

public sealed class When_a_local_step_is_asked_on_PostgreSQL(OnPostgres server)
    : When_a_step_is_asked<OnPostgres>(server, (id, n) => new HoldSeats(id, n), id => new FreeSeats(id));

public sealed class When_a_local_step_is_asked_on_SQL_Server(OnSqlServer server)
    : When_a_step_is_asked<OnSqlServer>(server, (id, n) => new HoldSeats(id, n), id => new FreeSeats(id));

public sealed class When_an_outside_step_is_asked_on_PostgreSQL(OnPostgres server)
    : When_a_step_is_asked<OnPostgres>(server, (id, n) => new TakeMoney(id, n), id => new GiveBack(id));

public sealed class When_an_outside_step_is_asked_on_SQL_Server(OnSqlServer server)
    : When_a_step_is_asked<OnSqlServer>(server, (id, n) => new TakeMoney(id, n), id => new GiveBack(id));
