using OrderSaga.Messaging.Tests.Steps.Support;

namespace OrderSaga.Messaging.Tests.Steps;

/// <summary>The undo was confirmed, there was nothing to undo; and then there is. It is undone at once and reported, never left as it is.</summary>
public abstract class When_an_effect_lands_late<TServer>(TServer server) : StepKit<TServer>(server)
    where TServer : Server
{
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(1), Day = TimeSpan.FromDays(1);

    [Fact]
    public async Task Should_undo_at_once_what_a_process_did_that_had_stood_still()
    {
        Gateway.Does(OrderId, Habit.StandsStill);
        var asleep = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        Advance(Lease);
        var undo = await Two.AskAsync(GiveBack);
        Assert.True(Assert.IsType<MoneyGivenBack>(undo?.Message).NothingToUndo);

        Gateway.GoOn();
        Assert.Equal("ALREADY_UNDONE", (await HearAsync<MoneyRefused>(asleep)).Reason);
        Assert.Equal("charge find refund", Gateway.Asked(OrderId));
        await AssertUndoneLateAsync(One, undo);
        // The undo was answered, and its answer stays what it was.
        Assert.Equal(undo.Body, (await Two.AskAsync(GiveBack))!.Body);
        Assert.Equal("barred, nothing to undo", await LogAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(600)]
    public async Task Should_look_for_it_and_undo_it_once(int minutes)
    {
        var undo = await BarAsync();
        for (var i = 0; i < minutes; i++)
        {
            Advance(Look);
            await Two.LookAsync();
        }

        Gateway.Lands(OrderId);
        Assert.Equal(1, Gateway.Net(OrderId));
        var three = await StartAsync();
        Advance(TimeSpan.FromHours(1));
        await Task.WhenAll(Two.LookAsync(), three.LookAsync());
        await AssertUndoneLateAsync(Two.Said.Count > three.Said.Count ? Two : three, undo);
        Assert.EndsWith("find refund", Gateway.Asked(OrderId), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_look_ever_less_often_and_no_more_after_a_day()
    {
        await BarAsync();
        var looks = new List<TimeSpan>();
        for (var passed = Look; passed < 2 * Day; passed += Look)
        {
            Advance(Look);
            var before = Gateway.Asked(OrderId);
            await Two.LookAsync();
            if (Gateway.Asked(OrderId) != before)
                looks.Add(passed);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 124], looks.Take(8).Select(l => l.TotalMinutes));
        Assert.All(looks.Skip(7).Zip(looks.Skip(8)), pair => Assert.Equal(TimeSpan.FromHours(1), pair.Second - pair.First));
        Assert.InRange(looks[^1], Day, Day + TimeSpan.FromHours(1));
        Assert.Equal(0, await OpenAsync());
    }

    [Fact]
    public async Task Should_go_on_looking_as_long_as_the_outside_does_not_answer()
    {
        var undo = await BarAsync();
        Gateway.IsLookUpAway = true;
        for (var passed = TimeSpan.Zero; passed < 2 * Day; passed += TimeSpan.FromHours(1))
        {
            Advance(TimeSpan.FromHours(1));
            await Two.LookAsync();
        }

        Gateway.Lands(OrderId);
        Gateway.IsLookUpAway = false;
        Advance(TimeSpan.FromHours(1));
        await Two.LookAsync();
        await AssertUndoneLateAsync(Two, undo);
    }

    [Fact]
    public async Task Should_stop_looking_when_it_was_declined()
    {
        await DieInCallAsync(One, TakeMoney with { Cents = TestGateway.Limit + 1 }, Habit.IsLost);
        Advance(Lease);
        await Two.AskAsync(GiveBack);
        Gateway.Lands(OrderId);
        Advance(Look);
        await Two.LookAsync();
        Assert.Equal(0, await OpenAsync());
        Assert.Empty(World.Reports.Errors);
    }

    [Theory]
    [InlineData(Habit.FailsBefore)]
    [InlineData(Habit.FailsAfter)]
    public async Task Should_come_back_to_it_when_its_undo_fails(Habit error)
    {
        var undo = await BarAsync();
        Gateway.Lands(OrderId);
        Advance(Look);
        Gateway.Does(OrderId, error);
        await Two.LookAsync();
        Assert.Equal("798 money", await HeldAsync());
        Advance(Look);
        await Two.LookAsync();
        await AssertUndoneLateAsync(Two, undo, times: 2);
    }

    [Theory]
    [InlineData(Habit.IsLost)]
    [InlineData(Habit.IsLostAfter)]
    public async Task Should_finish_it_when_the_process_dies_that_undoes_it(Habit habit)
    {
        var undo = await BarAsync();
        Gateway.Lands(OrderId);
        Advance(Look);
        Gateway.Does(OrderId, habit);
        var dying = Two.LookAsync();
        await World.Signal.UntilAsync(() => Gateway.Asked(OrderId).EndsWith("refund", StringComparison.Ordinal), "the refund begins");
        var three = await StartAsync();
        await three.LookAsync();
        Assert.Equal("charge find find refund", Gateway.Asked(OrderId));
        Advance(Lease);
        await dying;
        Advance(Look);
        await three.LookAsync();
        await AssertUndoneLateAsync(three, undo, times: 2);
    }

    [Fact]
    public async Task Should_undo_it_once_although_two_calls_land()
    {
        Gateway.Does(OrderId, Habit.StandsStill);
        var asleep = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        Advance(Lease);
        await DieInCallAsync(await StartAsync(), TakeMoney, Habit.IsLost);
        Advance(Lease);
        var undo = await Two.AskAsync(GiveBack);
        Gateway.Lands(OrderId);
        Advance(Look);
        await Two.LookAsync();
        await AssertUndoneLateAsync(Two, undo!);

        Gateway.GoOn();
        await HearAsync<MoneyRefused>(asleep);
        Assert.Equal("charge find charge find find refund", Gateway.Asked(OrderId));
        await AssertUndoneLateAsync(Two, undo!);
    }

    [Theory]
    [InlineData(Habit.Answers)]
    [InlineData(Habit.FailsBefore)]
    public async Task Should_undo_what_one_call_did_after_another_was_declined(Habit refund)
    {
        Gateway.Does(OrderId, Habit.StandsStill, Habit.Declines, refund);
        var asleep = One.AskAsync(TakeMoney);
        await Gateway.UntilAskedAsync(OrderId, "charge");
        Advance(Lease);
        var refused = await Two.AskAsync(TakeMoney);
        Gateway.GoOn();
        Assert.Equal(refused!.Body, (await asleep)!.Body);
        Advance(Look);
        await Two.LookAsync();
        Assert.Equal(0, Gateway.Net(OrderId));
        Assert.Equal("refused", await LogAsync());
        Assert.Equal("798 money back", await HeldAsync());
        Assert.Equal(0, await OpenAsync());
        Assert.All(World.Reports.Errors, error => Assert.Equal($"Order {OrderId}: TakeMoney took effect after it was refused; it is undone now", error));
        Assert.NotEmpty(World.Reports.Errors);
    }

    [Fact]
    public async Task Should_keep_it_once_although_the_process_that_undoes_it_stands_still()
    {
        var undo = await BarAsync();
        Gateway.Lands(OrderId);
        Advance(Look);
        Gateway.Does(OrderId, Habit.StandsStill);
        var asleep = Two.LookAsync();
        await World.Signal.UntilAsync(() => Gateway.IsStandingStill(OrderId), "the refund begins");
        Advance(Lease);
        var three = await StartAsync();
        await three.LookAsync();
        Gateway.GoOn();
        await asleep;
        await AssertUndoneLateAsync(three, undo, times: 2);
        Assert.Single(Two.Said.Concat(three.Said).Where(a => a.Message is MoneyGivenBack { NothingToUndo: false }).Select(a => a.Id).Distinct());
    }

    [Fact]
    public async Task Should_look_again_when_its_command_is_delivered_again_after_the_watch()
    {
        var undo = await BarAsync();
        Advance(2 * Day);
        await Two.LookAsync();
        Assert.Equal(0, await OpenAsync());

        // The process that made the call died when it had landed, so its command comes again.
        Gateway.Lands(OrderId);
        Assert.Equal("ALREADY_UNDONE", (await HearAsync<MoneyRefused>(Two.AskAsync(TakeMoney))).Reason);
        await Two.LookAsync();
        await AssertUndoneLateAsync(Two, undo);
        // What was undone is not looked for any more.
        await Two.AskAsync(TakeMoney);
        Assert.Equal(0, await OpenAsync());
    }

    // The command's process dies with its call under way, and the undo that comes after it finds nothing.
    private async Task<Answer> BarAsync()
    {
        await DieInCallAsync(One, TakeMoney, Habit.IsLost);
        Advance(Lease);
        var undo = await Two.AskAsync(GiveBack);
        Assert.True(Assert.IsType<MoneyGivenBack>(undo?.Message).NothingToUndo);
        return undo;
    }

    private async Task AssertUndoneLateAsync(StepNode node, Answer undo, int times = 1)
    {
        Assert.Equal(0, Gateway.Net(OrderId));
        Assert.Equal("798 money back", await HeldAsync());
        Assert.Equal(0, await OpenAsync());
        Assert.Equal(times, World.Reports.Errors.Count);
        Assert.All(World.Reports.Errors, error => Assert.Equal($"Order {OrderId}: TakeMoney took effect after it was barred; it is undone now", error));
        // Whoever heard that there was nothing hears of it once more, and not as of the same message.
        var late = Assert.Single(node.Said, a => a.Message is MoneyGivenBack { NothingToUndo: false });
        Assert.Equal(MessageId.Derive(MessageId.Derive(OrderId, $"saga:{OrderId}:GiveBack:late"), nameof(MoneyGivenBack)), late.Id);
        Assert.NotEqual(undo.Id, late.Id);
        Assert.Equal($"saga:{OrderId}:GiveBack", late.Headers[SagaHeaders.Key]);
    }
}

public sealed class When_an_effect_lands_late_on_PostgreSQL(OnPostgres server) : When_an_effect_lands_late<OnPostgres>(server);

public sealed class When_an_effect_lands_late_on_SQL_Server(OnSqlServer server) : When_an_effect_lands_late<OnSqlServer>(server);
