namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 4.5: a stuck undo is tried again, or done by hand.</summary>
public class When_a_person_finishes_an_undo
{
    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_try_again_in_a_new_round_and_be_repaired(string step)
    {
        var walk = Failed(step).Hear(new Happening.Retried(step));
        Assert.Equal((Said.Retried, Table.Whole[Table.Whole.IndexOf(step)].Undo, 1), (walk.Last.Says, walk.Action, walk.Now.Asked!.Value.Attempt));
        walk.Answer();

        Assert.Equal((StateNames.Compensated, StepStatus.Undone), (walk.Now.State, walk.Mark(step)));
        Assert.Equal([Ending.Failed, Ending.Repaired], walk.Endings);
        Assert.Single(walk.Asked, Route.Apology);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_take_it_off_the_list_when_the_new_round_is_confirmed(string step) =>
        Assert.Empty(Failed(step).Hear(new Happening.Retried(step)).Answer().StuckList);

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_fail_again_without_a_word_when_the_new_round_fails(string step)
    {
        var walk = Failed(step).Hear(new Happening.Retried(step));
        foreach (var pause in (int[])[2, 4, 8, 16, 32])
        {
            walk.Fault();
            Assert.Equal(TimeSpan.FromSeconds(pause), walk.UntilDue);
            walk.Wait();
        }

        walk.Fault();
        Assert.Equal((Said.Stuck, StateNames.Failed), (walk.Last.Says, walk.Now.State));
        Assert.Equal([Ending.Failed], walk.Endings);
        Assert.Single(walk.Alerts);
        Assert.Equal([Ending.Failed, Ending.Repaired], walk.Hear(new Happening.Retried(step)).Answer().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_repaired_by_hand(string step)
    {
        var walk = Failed(step).Hear(new Happening.Resolved(step, "refunded at the desk"));

        Assert.Equal((Said.Resolved, "refunded at the desk", StateNames.Compensated), (walk.Last.Says, walk.Last.Detail, walk.Now.State));
        Assert.Equal([Ending.Failed, Ending.Repaired], walk.Endings);
        Assert.Empty(walk.StuckList);
        Assert.Single(walk.Asked, Route.Apology);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_wait_for_its_turn_when_the_mirror_still_runs(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck();
        var action = walk.Action;
        walk.Hear(new Happening.Retried(step));
        Assert.Equal((Said.Retried, action, null), (walk.Last.Says, walk.Action, walk.Last.Asks));
        walk.Answer();
        Assert.Equal(Table.Whole[Table.Whole.IndexOf(step)].Undo, walk.Action);

        Assert.Equal([Ending.Compensated], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_wait_for_the_apology_when_that_is_under_way(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck().To(Route.Apology).Hear(new Happening.Retried(step)).Hear(new Happening.Apologised());
        Assert.Equal(Table.Whole[Table.Whole.IndexOf(step)].Undo, walk.Action);

        Assert.Equal([Ending.Compensated], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_be_resolved_while_the_mirror_still_runs(string step)
    {
        var walk = Walk.Until(step).Fault().GetStuck().Hear(new Happening.Resolved(step, "by hand"));
        Assert.Equal((Said.Resolved, StateNames.Compensating), (walk.Last.Says, walk.Now.State));
        walk.ToTheEnd();

        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Empty(walk.StuckList);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_be_repaired_when_the_last_of_two_is_finished(string step)
    {
        var other = Table.Whole[Table.Whole.IndexOf(step) - 1].Name;
        var walk = Walk.Until(step).Fault().GetStuck().GetStuck().ToTheEnd();
        walk.Hear(new Happening.Retried(other)).Hear(new Happening.Resolved(step, "by hand"));
        Assert.Equal((StateNames.Failed, Said.Resolved), (walk.Now.State, walk.Last.Says));

        Assert.Equal([Ending.Failed, Ending.Repaired], walk.Answer().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_be_denied_where_nothing_is_stuck(string step)
    {
        var stuck = Failed("ReserveInventory");
        foreach (var walk in (Walk[])[Walk.Until(step), new Walk().ToTheEnd(), new Walk().Cancel(), new Walk().Cancel().ToTheEnd(), .. step == "ReserveInventory" ? (Walk[])[] : [stuck]])
        {
            Assert.True(walk.Hear(new Happening.Retried(step)).Last.Denied);
            Assert.True(walk.Hear(new Happening.Resolved(step, "by hand")).Last.Denied);
        }

        Assert.True(stuck.Hear(new Happening.Retried("NoSuchStep")).Last.Denied);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_not_try_twice_at_once(string step)
    {
        var walk = Failed(step).Hear(new Happening.Retried(step));

        Assert.True(walk.Hear(new Happening.Retried(step)).Last.Denied);
        Assert.True(walk.Hear(new Happening.Resolved(step, "by hand")).Last.Denied);
    }

    private static Walk Failed(string step) => Walk.Until(step).Fault().GetStuck().ToTheEnd();
}
