namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 6.3: what was done though its undo had found nothing is undone again; nobody but the operators hears of it.</summary>
public class When_a_success_turns_up_after_all
{
    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_be_undone_next_when_the_mirror_still_runs(string step)
    {
        var at = Table.Whole.IndexOf(step);
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).Done(step);
        ShouldBeRearmed(walk, step);
        Assert.Equal(Table.Whole[at - 1].Undo, walk.Action);
        walk.ToTheEnd();

        var (undo, back) = (Table.Whole[at].Undo!, walk.BackBefore(step).ToList());
        Assert.Equal([.. walk.Forth(step), undo, back[0], undo, .. back[1..]], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_undone_before_the_end_when_the_apology_is_under_way(string step)
    {
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).To(Route.Apology).Done(step);
        ShouldBeRearmed(walk, step);
        walk.ToTheEnd();

        Assert.Equal(StepStatus.Undone, walk.Mark(step));
        Assert.Single(walk.Asked, Route.Apology);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_undone_after_the_end_and_tell_nobody(string step)
    {
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).ToTheEnd().Done(step);
        ShouldBeRearmed(walk, step);
        Assert.Equal(Table.Whole[Table.Whole.IndexOf(step)].Undo, walk.Action);
        walk.ToTheEnd();

        Assert.Equal((StepStatus.Undone, StateNames.Compensated), (walk.Mark(step), walk.Now.State));
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Single(walk.Asked, Route.Apology);
        Assert.Equal([.. walk.StatesUntil(step), StateNames.Compensating, StateNames.Compensated], walk.States);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_be_undone_after_the_order_has_failed_and_leave_it_so(string step)
    {
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).GetStuck().ToTheEnd().Done(step);
        ShouldBeRearmed(walk, step);
        walk.ToTheEnd();

        Assert.Equal((StepStatus.Undone, StateNames.Failed), (walk.Mark(step), walk.Now.State));
        Assert.Equal([Ending.Failed], walk.Endings);
        Assert.Single(walk.Asked, Route.Apology);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_fail_without_a_word_when_that_undo_is_stuck(string step)
    {
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).ToTheEnd().Done(step).GetStuck();

        Assert.Equal((StateNames.Failed, step), (walk.Now.State, Assert.Single(walk.StuckList).Step));
        Assert.Equal([Ending.Compensated], walk.Endings);
        walk.Undone(step);
        Assert.Equal(StateNames.Compensated, walk.Now.State);
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Single(walk.Asked, Route.Apology);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_not_believe_that_there_is_nothing_a_second_time(string step)
    {
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).ToTheEnd().Done(step).Undone(step, nothing: true);

        Assert.Equal((Said.Faulted, TimeSpan.FromSeconds(2)), (walk.Last.Says, walk.UntilDue));
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_undone_though_it_was_refused_before(string step)
    {
        // Never swallowed: a participant that says no and then yes did something, and nobody would undo it.
        var walk = Walk.Until(step).Refuse().ToTheEnd().Done(step);

        ShouldBeRearmed(walk, step);
        Assert.Equal(StepStatus.Undone, walk.ToTheEnd().Mark(step));
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_stay_on_the_list_when_its_undo_is_stuck_already(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck().ToTheEnd().Done(step);
        Assert.Equal(Said.Late, walk.Last.Says);

        Assert.Equal(Said.Ignored, walk.Undone(step, nothing: true).Last.Says);
        Assert.Equal([Ending.Failed, Ending.Repaired], walk.Undone(step).Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_undone_though_a_person_had_settled_it(string step)
    {
        // In doubt and stuck; the operator found nothing done, and it was done after that.
        var walk = Walk.Until(step).Fault().GetStuck().ToTheEnd().Hear(new Happening.Resolved(step, "nothing there")).Done(step);

        ShouldBeRearmed(walk, step);
        Assert.Equal([Ending.Failed, Ending.Repaired], walk.ToTheEnd().Endings);
        Assert.Equal((StepStatus.Undone, StateNames.Compensated), (walk.Mark(step), walk.Now.State));
    }

    private static void ShouldBeRearmed(Walk walk, string step)
    {
        Assert.Equal(Said.Rearmed, walk.Last.Says);
        Assert.Contains(step, walk.Last.Alert, StringComparison.Ordinal);
        Assert.Null(walk.Last.Ends);
    }
}
