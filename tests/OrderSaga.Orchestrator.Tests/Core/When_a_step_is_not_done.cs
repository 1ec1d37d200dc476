namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 3.3 to 3.5 and 4.1: where the mirror starts, and what it undoes.</summary>
public class When_a_step_is_not_done
{
    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_begin_the_mirror_one_step_back_when_it_is_refused(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Refused(step, "OUT_OF_STOCK", "none left"));
        Assert.Equal("OUT_OF_STOCK: none left", walk.Last.Detail);
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.BackBefore(step)], walk.Asked);
        Assert.Equal([.. walk.LogUntil(step), Said.Refused, .. walk.UndoneBefore(step), Said.Apologised], walk.Log);
        ShouldBeCompensated(walk, step, "OUT_OF_STOCK", StepStatus.Refused);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_begin_the_mirror_at_the_step_when_it_stays_silent(string step)
    {
        var walk = Walk.Until(step);
        var since = walk.At;
        walk.Wait().Wait().Wait();
        Assert.Equal(TimeSpan.FromSeconds(60), walk.At - since);
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), step, step, .. walk.Back(step)], walk.Asked);
        Assert.Equal([.. walk.LogUntil(step), Said.AskedAgain, Said.AskedAgain, Said.Silent, Said.Undone, .. walk.UndoneBefore(step), Said.Apologised], walk.Log);
        ShouldBeCompensated(walk, step, Decider.StepSilent, StepStatus.Undone);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_begin_the_mirror_at_the_step_when_it_faults(string step)
    {
        var walk = Walk.Until(step).Fault("boom");
        Assert.Equal("boom", walk.Last.Detail);
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([.. walk.LogUntil(step), Said.Faulted, Said.Undone, .. walk.UndoneBefore(step), Said.Apologised], walk.Log);
        ShouldBeCompensated(walk, step, Decider.StepFaulted, StepStatus.Undone);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_begin_the_mirror_at_the_step_when_it_is_cancelled_meanwhile(string step)
    {
        var walk = Walk.Until(step).Cancel("CHANGED_MIND").ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([.. walk.LogUntil(step), Said.Cancelled, Said.Undone, .. walk.UndoneBefore(step), Said.Apologised], walk.Log);
        ShouldBeCompensated(walk, step, "CHANGED_MIND", StepStatus.Undone);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_find_nothing_to_undo_where_nothing_was_done(string step)
    {
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        ShouldBeCompensated(walk, step, Decider.StepFaulted, StepStatus.Nothing);
    }

    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_ask_again_and_go_on_when_the_second_ask_is_answered(string step)
    {
        var walk = Walk.Until(step);
        Assert.Equal(TimeSpan.FromSeconds(20), walk.UntilDue);
        walk.Wait().ToTheEnd();

        Assert.Equal([.. walk.Forth(step), step, .. walk.After(step)], walk.Asked);
        Assert.Equal([Ending.Completed], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_ask_again_and_go_on_when_the_third_ask_is_answered(string step)
    {
        var walk = Walk.Until(step).Wait().Wait();
        Assert.Equal(TimeSpan.FromSeconds(20), walk.UntilDue);
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), step, step, .. walk.After(step)], walk.Asked);
        Assert.Equal([Ending.Completed], walk.Endings);
        Assert.Empty(walk.Alerts);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_start_its_asks_anew_at_the_next_step(string step)
    {
        var walk = Walk.Until(step).Wait().Wait().Answer();

        Assert.Equal(1, walk.Now.Asked!.Value.Attempt);
        Assert.Equal(TimeSpan.FromSeconds(20), walk.UntilDue);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_ignore_a_second_cancel(string step)
    {
        var walk = Walk.Until(step).Cancel("FIRST").Cancel("SECOND");

        Assert.Equal(Said.Ignored, walk.Last.Says);
        ShouldBeCompensated(walk.ToTheEnd(), step, "FIRST", StepStatus.Undone);
    }

    private static void ShouldBeCompensated(Walk walk, string step, string reason, StepStatus mark)
    {
        Assert.Equal([.. walk.StatesUntil(step), StateNames.Compensating, StateNames.Compensated], walk.States);
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Equal((reason, mark), (walk.Now.Reason, walk.Mark(step)));
        Assert.Empty(walk.Alerts);
        Assert.Empty(walk.StuckList);
    }
}
