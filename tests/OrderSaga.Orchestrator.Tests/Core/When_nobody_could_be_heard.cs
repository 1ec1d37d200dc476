using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 3.5: an outage of the broker or of our own database is nobody's silence.</summary>
public class When_nobody_could_be_heard
{
    private static readonly TimeSpan Outage = TimeSpan.FromMinutes(10), Moment = TimeSpan.FromSeconds(1);

    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_ask_once_more_and_not_count_it(string step)
    {
        var walk = Walk.Until(step);
        for (var i = 0; i < 10; i++)
        {
            BreakDown(walk);
            Assert.Equal((Said.Unheard, step, 1), (walk.Last.Says, walk.Asked[^1], walk.Now.Asked!.Value.Attempt));
        }

        Assert.Empty(walk.Alerts);
        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_use_up_no_try_of_an_undo_and_none_of_the_apology(string step)
    {
        var walk = Walk.Until(step).Cancel();
        while (walk.Now.Asked is not null)
        {
            Assert.Equal(Said.Unheard, BreakDown(walk).Last.Says);
            walk.Answer();
        }

        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Empty(walk.StuckList);
        Assert.Empty(walk.Alerts);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_count_all_silence_after_it(string step)
    {
        var walk = Walk.Until(step);
        var deaf = BreakDown(walk, out var over);
        Assert.Equal([Said.AskedAgain, Said.AskedAgain, Said.Silent], Enumerable.Range(0, 3).Select(_ => walk.Wait(over).Last.Says));
        Assert.Equal(Decider.StepSilent, walk.Now.Reason);
        Assert.Same(walk, deaf);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_count_silence_when_it_was_over_before_the_ask(string step)
    {
        var walk = Walk.Until(step);
        DeafTime before = new(walk.At - Outage, walk.At);
        Assert.Equal([Said.AskedAgain, Said.AskedAgain, Said.Silent], Enumerable.Range(0, 3).Select(_ => walk.Wait(before).Last.Says));
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_give_the_whole_order_the_lost_time_back(string step)
    {
        // The answer that an outage held back is there when it is over, before any timer; the order's time had run out meanwhile.
        var walk = Walk.Until(Table.Whole[Table.Whole.IndexOf(step) - 1].Name).Pass(Moment);
        DeafTime outage = new(walk.At, walk.At + Outage);
        walk.Pass(Outage + Moment).Answer();
        Assert.True(walk.Now.SagaDeadline < walk.At);
        walk.Hear(new Happening.TimeUp(walk.Now.Token) { Elsewhere = [outage] });

        Assert.Equal((Said.Unheard, step), (walk.Last.Says, walk.Action));
        Assert.True(walk.UntilDue > Moment);
        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
    }

    [Fact]
    public void Should_add_up_when_there_were_several()
    {
        var walk = new Walk().Pass(Moment);
        List<DeafTime> outages = [];
        for (var i = 0; i < 3; i++, walk.Pass(Moment))
        {
            outages.Add(new(walk.At, walk.At + (Outage / 3)));
            walk.Pass(Outage / 3);
        }

        walk.Answer().Hear(new Happening.TimeUp(walk.Now.Token) { Deaf = [.. outages] });
        Assert.Equal(Said.Unheard, walk.Last.Says);
    }

    [Fact]
    public void Should_not_give_an_order_that_is_slow_by_itself_time_for_ever()
    {
        var time = TimeSpan.FromSeconds(50);
        var walk = Walk.Until("ChargePayment", patience: Table.Patience with { SagaTime = time });
        BreakDown(walk, out var over);
        var since = walk.At;
        while (walk.Now.Reason is null)
            walk.Wait(over);

        Assert.Equal(Decider.SagaOutOfTime, walk.Now.Reason);
        Assert.InRange(walk.At - since, TimeSpan.Zero, 2 * time);
    }

    // A moment after the ask the line goes dead, for so long that every time has run out when it is mended.
    private static Walk BreakDown(Walk walk) => BreakDown(walk, out _);

    private static Walk BreakDown(Walk walk, out DeafTime over)
    {
        walk.Pass(Moment);
        over = new(walk.At, walk.At + Outage);
        return walk.Pass(Outage).Hear(new Happening.TimeUp(walk.Now.Token) { Deaf = [over] });
    }
}
