using System.Text.Json;
using OrderSaga.Messaging;

namespace OrderSaga.Services.Tests;

/// <summary>What every participant promises of a step, whatever it does. A service takes part by one line in Participants.cs.</summary>
public abstract class DoKit<TDo, TDone>(Shop shop, string schema, Func<Guid, TDo> ask) : IClassFixture<Shop>
    where TDo : class
    where TDone : class
{
    /// <summary>Of random orders of messages: each can be run again by its seed.</summary>
    public static TheoryData<int> Seeds { get; } = [.. Enumerable.Range(1, Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? 50 : 3)];

    protected Guid OrderId { get; } = Guid.NewGuid();

    protected TDo Do => ask(OrderId);

    /// <summary>What can be asked of this step, under an id that is given or a new one.</summary>
    protected virtual IReadOnlyList<Func<Guid?, Task<Answer>>> Asks => [id => AskAsync(Do, id)];

    /// <summary>How the step may stand when all has been asked, and whether it then has rows of its own.</summary>
    protected virtual IReadOnlyDictionary<string, bool> Ends => new Dictionary<string, bool> { ["done"] = true };

    [Fact]
    public async Task Should_do_once_what_is_asked_twice()
    {
        var before = await EffectAsync();
        var first = await AskAsync(Do);
        var once = await EffectAsync();
        var second = await AskAsync(Do);

        Assert.IsType<TDone>(first.Message);
        Assert.Equal(first.Body, second.Body);
        Assert.NotEqual(before, once);
        Assert.Equal(once, await EffectAsync());
        Assert.Equal("done", await StepLogAsync());
    }

    [Fact]
    public async Task Should_do_once_what_arrives_twenty_times_at_once()
    {
        // A broker's redeliveries keep the id, the orchestrator's repetitions bring a new one.
        var redelivered = Guid.NewGuid();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => AskAsync(Do, i % 2 == 0 ? redelivered : null)));

        Assert.IsType<TDone>(answers[0].Message);
        Assert.Single(answers.Select(a => a.Body).Distinct());
        Assert.Equal("done", await StepLogAsync());
        Assert.Single((await EffectAsync()).Own.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Should_settle_200_messages_of_one_order_in_any_order_and_number(int seed)
    {
        var random = new Random(seed);
        var redelivered = Asks.Select(_ => Enumerable.Range(0, 4).Select(_ => Guid.NewGuid()).ToArray()).ToList();
        var before = await EffectAsync();
        var asked = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => random.Next(Asks.Count)).Select(async kind =>
            (kind, answer: await Asks[kind](random.Next(2) == 0 ? redelivered[kind][random.Next(4)] : null))));
        var after = await EffectAsync();

        // Whoever asks for the same is told the same.
        Assert.All(asked.GroupBy(a => a.kind), same => Assert.Single(same.Select(a => a.answer.Body).Distinct()));
        var end = await StepLogAsync();
        Assert.True(Ends.TryGetValue(end, out var leavesRows), end);
        Assert.Equal(leavesRows ? 1 : 0, after.Own.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        if (end != "done")
            Assert.Equal(before.Others, after.Others);
    }

    [Fact]
    public async Task Should_give_its_answer_after_a_crash_between_commit_and_answer()
    {
        var answer = await AskAsync(Do, crashBeforeAnswer: true);
        var effect = await EffectAsync();

        Assert.IsType<TDone>(answer.Message);
        Assert.Equal(answer.Body, (await AskAsync(Do)).Body);
        Assert.Equal(effect, await EffectAsync());
        Assert.Equal("done", await StepLogAsync());
    }

    [Fact]
    public async Task Should_mark_its_answer_with_saga_step_and_key() => AssertMarked(await AskAsync(Do), typeof(TDo));

    [Fact]
    public async Task Should_derive_the_id_of_its_answer_from_the_id_of_the_command()
    {
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        var first = await AskAsync(Do, one);

        Assert.Equal(MessageId.Derive(one, typeof(TDone).Name), first.Id);
        Assert.Equal(first.Id, (await AskAsync(Do, one)).Id);
        Assert.Equal(MessageId.Derive(other, typeof(TDone).Name), (await AskAsync(Do, other)).Id);
    }

    protected Task<Answer> AskAsync<T>(T command, Guid? commandId = null, bool crashBeforeAnswer = false)
        where T : class
        => shop.AskAsync(command, commandId, crashBeforeAnswer);

    protected Task<Effect> EffectAsync() => shop.EffectAsync(schema, OrderId);

    /// <summary>What the step log says of this step: the do first, then the undo.</summary>
    protected Task<string> StepLogAsync() => shop.ReadAsync(
        $"SELECT coalesce(string_agg(status, ', ' ORDER BY undo), '') FROM {schema}.step_log WHERE order_id = @id AND step = '{typeof(TDo).Name}'", OrderId);

    protected void AssertMarked(Answer answer, Type command)
    {
        Assert.Equal(OrderId, answer.CorrelationId);
        Assert.Equal(OrderId.ToString(), answer.Headers["saga-id"]);
        Assert.Equal(typeof(TDo).Name, answer.Headers["saga-step"]);
        Assert.Equal($"saga:{OrderId}:{command.Name}", answer.Headers["idempotency-key"]);
    }
}

/// <summary>A participant that may say no.</summary>
public abstract class RefusingKit<TDo, TDone, TRefused>(Shop shop, string schema, Func<Guid, TDo> ask, Func<Guid, TDo> refused)
    : DoKit<TDo, TDone>(shop, schema, ask)
    where TDo : class
    where TDone : class
    where TRefused : class
{
    protected TDo Impossible => refused(OrderId);

    protected override IReadOnlyList<Func<Guid?, Task<Answer>>> Asks => [.. base.Asks, id => AskAsync(Impossible, id)];

    protected override IReadOnlyDictionary<string, bool> Ends => new Dictionary<string, bool> { ["done"] = true, ["refused"] = false };

    [Fact]
    public async Task Should_refuse_other_content_under_a_key_that_was_used()
    {
        var first = await AskAsync(Do);
        var once = await EffectAsync();
        var other = await AskAsync(Impossible);

        Assert.IsType<TRefused>(other.Message);
        Assert.Equal("KEY_REUSED", Reason(other));
        Assert.Equal(once, await EffectAsync());
        Assert.Equal(first.Body, (await AskAsync(Do)).Body);
        Assert.Equal("done", await StepLogAsync());
    }

    [Fact]
    public async Task Should_leave_nothing_behind_when_it_refuses_and_refuse_again()
    {
        var before = await EffectAsync();
        var first = await AskAsync(Impossible);
        var second = await AskAsync(Impossible);

        Assert.IsType<TRefused>(first.Message);
        Assert.Matches("^[A-Z_]+$", Reason(first));
        Assert.Equal(first.Body, second.Body);
        Assert.Equal(before, await EffectAsync());
        Assert.Equal("refused", await StepLogAsync());
        AssertMarked(first, typeof(TDo));
    }

    [Fact]
    public async Task Should_refuse_once_what_arrives_ten_times_at_once()
    {
        var before = await EffectAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => AskAsync(Impossible)));

        Assert.IsType<TRefused>(answers[0].Message);
        Assert.Single(answers.Select(a => a.Body).Distinct());
        Assert.Equal(before, await EffectAsync());
    }

    protected static string? Reason(Answer answer) => JsonDocument.Parse(answer.Body).RootElement.GetProperty("Reason").GetString();
}

/// <summary>A participant that can take back what it did.</summary>
public abstract class ParticipantKit<TDo, TDone, TRefused, TUndo, TUndone>(
    Shop shop, string schema, Func<Guid, TDo> ask, Func<Guid, TDo> refused, Func<Guid, TUndo> undo)
    : RefusingKit<TDo, TDone, TRefused>(shop, schema, ask, refused)
    where TDo : class
    where TDone : class
    where TRefused : class
    where TUndo : class
    where TUndone : class
{
    private TUndo Undo => undo(OrderId);

    protected override IReadOnlyList<Func<Guid?, Task<Answer>>> Asks => [.. base.Asks, id => AskAsync(Undo, id)];

    protected override IReadOnlyDictionary<string, bool> Ends => new Dictionary<string, bool>
    {
        ["done, undone"] = true,
        ["refused, nothing to undo"] = false,
        ["barred, nothing to undo"] = false,
    };

    [Fact]
    public async Task Should_confirm_its_undo_after_a_crash_between_commit_and_answer()
    {
        await AskAsync(Do);
        var confirmation = await AskAsync(Undo, crashBeforeAnswer: true);
        var undone = await EffectAsync();

        Assert.IsType<TUndone>(confirmation.Message);
        Assert.Equal(confirmation.Body, (await AskAsync(Undo)).Body);
        Assert.Equal(undone, await EffectAsync());
        Assert.Equal("done, undone", await StepLogAsync());
    }

    [Fact]
    public async Task Should_undo_once_and_confirm_it_twice()
    {
        var before = await EffectAsync();
        await AskAsync(Do);
        var done = await EffectAsync();
        var first = await AskAsync(Undo);
        var undone = await EffectAsync();
        var second = await AskAsync(Undo);

        Assert.IsType<TUndone>(first.Message);
        Assert.False(FoundNothing(first));
        Assert.Equal(first.Body, second.Body);
        Assert.NotEqual(done.Own, undone.Own);
        Assert.NotEmpty(undone.Own);
        Assert.Equal(before.Others, undone.Others);
        Assert.Equal(undone, await EffectAsync());
        Assert.Equal("done, undone", await StepLogAsync());
    }

    [Fact]
    public async Task Should_give_the_stored_answer_when_it_is_asked_again_after_its_undo()
    {
        var done = await AskAsync(Do);
        await AskAsync(Undo);
        var undone = await EffectAsync();

        Assert.Equal(done.Body, (await AskAsync(Do)).Body);
        Assert.Equal(undone, await EffectAsync());
    }

    [Fact]
    public async Task Should_confirm_an_undo_that_comes_first_and_refuse_the_late_command()
    {
        var before = await EffectAsync();
        var undo = await AskAsync(Undo);
        var late = await AskAsync(Do);

        Assert.IsType<TUndone>(undo.Message);
        Assert.True(FoundNothing(undo));
        Assert.IsType<TRefused>(late.Message);
        Assert.Equal("ALREADY_UNDONE", Reason(late));
        Assert.Equal(late.Body, (await AskAsync(Do)).Body);
        Assert.Equal(undo.Body, (await AskAsync(Undo)).Body);
        Assert.Equal(before, await EffectAsync());
        Assert.Equal("barred, nothing to undo", await StepLogAsync());
    }

    [Fact]
    public async Task Should_find_nothing_to_undo_after_a_refusal()
    {
        var before = await EffectAsync();
        var refusal = await AskAsync(Impossible);

        Assert.True(FoundNothing(await AskAsync(Undo)));
        Assert.Equal(refusal.Body, (await AskAsync(Impossible)).Body);
        Assert.Equal(before, await EffectAsync());
    }

    [Fact]
    public async Task Should_mark_and_name_its_confirmation_after_the_undo()
    {
        var command = Guid.NewGuid();
        await AskAsync(Do);
        var confirmation = await AskAsync(Undo, command);

        AssertMarked(confirmation, typeof(TUndo));
        Assert.Equal(MessageId.Derive(command, typeof(TUndone).Name), confirmation.Id);
        Assert.Equal(confirmation.Id, (await AskAsync(Undo, command)).Id);
        Assert.NotEqual(confirmation.Id, (await AskAsync(Undo)).Id);
    }

    [Theory]
    [InlineData(0)] // as it comes
    [InlineData(5)] // the undo has a hard time to be first
    [InlineData(-5)] // the undo has a good chance to be first
    public async Task Should_settle_do_and_undo_that_race(int headStart)
    {
        var before = await EffectAsync();
        async Task<Answer> LaterAsync<T>(T command, int milliseconds)
            where T : class
        {
            await Task.Delay(Math.Max(0, milliseconds));
            return await AskAsync(command);
        }

        var dos = Enumerable.Range(0, 10).Select(_ => LaterAsync(Do, -headStart)).ToList();
        var undos = Enumerable.Range(0, 10).Select(_ => LaterAsync(Undo, headStart)).ToList();
        var done = Assert.Single((await Task.WhenAll(dos)).DistinctBy(a => a.Body));
        var undone = Assert.Single((await Task.WhenAll(undos)).DistinctBy(a => a.Body));
        var after = await EffectAsync();

        Assert.Equal(before.Others, after.Others);
        Assert.IsType<TUndone>(undone.Message);
        if (FoundNothing(undone))
        {
            Assert.Equal("ALREADY_UNDONE", Reason(done));
            Assert.Empty(after.Own);
        }
        else
        {
            Assert.IsType<TDone>(done.Message);
            Assert.Equal("done, undone", await StepLogAsync());
        }
    }

    private static bool FoundNothing(Answer answer) => JsonDocument.Parse(answer.Body).RootElement.GetProperty("NothingToUndo").GetBoolean();
}
