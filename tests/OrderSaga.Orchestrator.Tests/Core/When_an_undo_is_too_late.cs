namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 4.7: what cannot be called back is carried through, if nothing is lost yet.</summary>
public class When_an_undo_is_too_late
{
    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_go_forward_again_while_nothing_is_undone(string step)
    {
        var undo = Table.Whole[Table.Whole.IndexOf(step)].Undo!;
        var walk = Walk.Until(step).Cancel().Hear(new Happening.TooLate(step, "HANDED_OVER"));
        Assert.Equal((Said.TooLate, "HANDED_OVER"), (walk.Last.Says, walk.Last.Detail));
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), undo, .. walk.After(step)], walk.Asked);
        Assert.Equal(StateNames.Compensating, walk.States[Table.Whole.IndexOf(step) + 1]);
        Assert.Equal(StateNames.Complete, walk.States[^1]);
        Assert.Equal([Ending.Completed], walk.Endings);
        Assert.Null(walk.Now.Reason);
        Assert.Empty(walk.Alerts);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_be_stuck_when_something_is_undone(string step)
    {
        var before = Table.Whole[Table.Whole.IndexOf(step) - 1];
        var walk = Walk.Until(step).Fault().Undone(step).Hear(new Happening.TooLate(before.Name, "HANDED_OVER"));
        Assert.Equal((Said.Stuck, "HANDED_OVER"), (walk.Last.Says, walk.Last.Detail));
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([(before.Name, "HANDED_OVER", 1)], walk.StuckList);
        Assert.Single(walk.Alerts);
        Assert.Equal([Ending.Failed], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_be_stuck_when_a_later_step_was_refused(string step)
    {
        var before = Table.Whole[Table.Whole.IndexOf(step) - 1].Name;
        var walk = Walk.Until(step).Refuse().Hear(new Happening.TooLate(before, "HANDED_OVER")).ToTheEnd();

        Assert.Equal(before, Assert.Single(walk.StuckList).Step);
        Assert.Equal([Ending.Failed], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_not_ask_again_for_what_was_seen_done_after_its_undo_had_found_nothing(string step)
    {
        // The later step is to be undone again; going forward would ask for it a second time, and its participant has barred it.
        var before = Table.Whole[Table.Whole.IndexOf(step) - 1].Name;
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).Done(step).Hear(new Happening.TooLate(before, "HANDED_OVER"));

        Assert.Equal(Said.Stuck, walk.Last.Says);
        Assert.Equal([Ending.Failed], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_not_go_forward_over_a_stuck_undo_that_is_tried_again(string step)
    {
        var before = Table.Whole[Table.Whole.IndexOf(step) - 1].Name;
        var walk = Walk.Until(step).Fault().GetStuck().Hear(new Happening.Retried(step)).Hear(new Happening.TooLate(before, "HANDED_OVER"));

        Assert.Equal(Said.Stuck, walk.Last.Says);
        Assert.Equal([Ending.Failed], walk.ToTheEnd().Endings);
    }

    [Fact]
    public void Should_not_go_forward_once_the_customer_was_told()
    {
        var step = Table.Whole[0].Name;
        var walk = Walk.Until(step).Fault().Undone(step, nothing: true).Done(step).Hear(new Happening.Apologised());
        Assert.Equal(Table.Whole[0].Undo, walk.Action);
        walk.Hear(new Happening.TooLate(step, "HANDED_OVER"));

        Assert.Equal(StateNames.Failed, walk.Now.State);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_cancellable_again_on_the_way_forward(string step)
    {
        var walk = Walk.Until(step).Cancel().Hear(new Happening.TooLate(step, "HANDED_OVER")).Cancel("AGAIN");
        var past = Table.Whole[Table.Whole.IndexOf(step) + 1].PastReturn;

        Assert.Equal(past ? Said.Denied : Said.Cancelled, walk.Last.Says);
        Assert.Equal([past ? Ending.Completed : Ending.Compensated], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_count_in_a_pause_too(string step)
    {
        var walk = Walk.Until(step).Cancel().Fault().Hear(new Happening.TooLate(step, "HANDED_OVER"));

        Assert.Equal(Said.TooLate, walk.Last.Says);
        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
    }
}
