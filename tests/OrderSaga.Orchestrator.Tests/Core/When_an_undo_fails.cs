namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 4.3, 4.4 and 4.6: tried again with pauses, then stuck; and the mirror goes on.</summary>
public class When_an_undo_fails
{
    private static readonly int[] Pauses = [2, 4, 8, 16, 32];

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_try_it_again_after_2_4_8_16_and_32_seconds(string step)
    {
        var undo = Table.Whole[Table.Whole.IndexOf(step)].Undo!;
        for (var failures = 1; failures <= 5; failures++)
        {
            var walk = Walk.Until(step).Fault();
            foreach (var pause in Pauses.Take(failures))
            {
                walk.Fault();
                Assert.Equal((Said.Faulted, TimeSpan.FromSeconds(pause)), (walk.Last.Says, walk.UntilDue));
                walk.Wait();
                Assert.Equal((Said.AskedAgain, undo), (walk.Last.Says, walk.Asked[^1]));
            }

            walk.ToTheEnd();
            Assert.Equal([.. walk.Forth(step), .. Enumerable.Repeat(undo, failures), .. walk.Back(step)], walk.Asked);
            Assert.Equal([Ending.Compensated], walk.Endings);
            Assert.Empty(walk.Alerts);
        }
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_count_silence_after_its_own_ten_seconds_and_then_pause_the_same(string step)
    {
        var walk = Walk.Until(step).Fault();
        foreach (var pause in Pauses)
        {
            Assert.Equal(TimeSpan.FromSeconds(10), walk.UntilDue);
            walk.Wait();
            Assert.Equal((Said.Silent, TimeSpan.FromSeconds(pause)), (walk.Last.Says, walk.UntilDue));
            walk.Wait();
        }

        Assert.Equal(TimeSpan.FromSeconds(10), walk.UntilDue);
        walk.Wait();
        Assert.Equal((Said.Stuck, StepStatus.Stuck), (walk.Last.Says, walk.Mark(step)));
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_stuck_after_six_tries_and_go_on_with_the_next(string step)
    {
        var undo = Table.Whole[Table.Whole.IndexOf(step)].Undo!;
        var walk = Walk.Until(step).Fault().GetStuck("no refunds today");
        Assert.Equal((Said.Stuck, "no refunds today"), (walk.Last.Says, walk.Last.Detail));
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. Enumerable.Repeat(undo, 5), .. walk.Back(step)], walk.Asked);
        string[] tries = [.. Enumerable.Repeat((string[])[Said.Faulted, Said.AskedAgain], 5).SelectMany(t => t)];
        Assert.Equal([.. walk.LogUntil(step), Said.Faulted, .. tries, Said.Stuck, .. walk.UndoneBefore(step), Said.Apologised], walk.Log);
        Assert.Equal([.. walk.StatesUntil(step), StateNames.Compensating, StateNames.Failed], walk.States);
        Assert.Equal([Ending.Failed], walk.Endings);
        Assert.Equal([(step, "no refunds today", 6)], walk.StuckList);
        Assert.Equal([$"{undo} is stuck: no refunds today"], walk.Alerts);
        Assert.Equal(Decider.StepFaulted, walk.Now.Reason);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_alert_once_when_a_second_undo_is_stuck(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck().GetStuck().ToTheEnd();

        Assert.Equal(2, walk.StuckList.Count);
        Assert.Single(walk.Alerts);
        Assert.Equal([Ending.Failed], walk.Endings);
    }

    [Fact]
    public void Should_apologise_once_when_every_undo_is_stuck()
    {
        var last = Table.Whole.Last(r => !r.PastReturn).Name;
        var walk = Walk.Until(last).Fault().Times(Table.Whole.Count(r => !r.PastReturn), w => w.GetStuck()).ToTheEnd();

        Assert.All(walk.Now.Steps.Zip(Table.Whole).Where(s => !s.Second.PastReturn), s => Assert.Equal(StepStatus.Stuck, s.First));
        Assert.Single(walk.Asked, Route.Apology);
        Assert.Single(walk.Alerts);
        Assert.Equal([Ending.Failed], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_go_on_at_once_when_the_confirmation_comes_in_a_pause(string step)
    {
        var walk = Walk.Until(step).Fault().Fault().Undone(step);
        Assert.Equal((Said.Undone, StepStatus.Undone), (walk.Last.Says, walk.Mark(step)));
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_tick_it_off_when_the_confirmation_comes_while_the_mirror_goes_on(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck();
        var action = walk.Action;
        walk.Undone(step);
        Assert.Equal((Said.Undone, action), (walk.Last.Says, walk.Action));
        Assert.Empty(walk.StuckList);
        walk.ToTheEnd();

        Assert.Equal([.. walk.StatesUntil(step), StateNames.Compensating, StateNames.Compensated], walk.States);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_repaired_by_a_confirmation_that_comes_after_the_end(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck().ToTheEnd();
        walk.Undone(step);

        Assert.Equal([StateNames.Compensating, StateNames.Failed, StateNames.Compensated], walk.States.TakeLast(3));
        Assert.Equal([Ending.Failed, Ending.Repaired], walk.Endings);
        Assert.Single(walk.Asked, Route.Apology);
        Assert.Empty(walk.StuckList);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_be_repaired_only_by_the_last_of_two(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck().GetStuck().ToTheEnd();
        walk.Undone(step);
        Assert.Equal(StateNames.Failed, walk.Now.State);
        walk.Undone(Assert.Single(walk.StuckList).Step);

        Assert.Equal([Ending.Failed, Ending.Repaired], walk.Endings);
        Assert.Equal(StateNames.Compensated, walk.Now.State);
    }
}
