namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 6.2: what was answered, or is settled otherwise, is not answered again.</summary>
public class When_an_answer_is_double_or_late
{
    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_ignore_the_second_answer(string step)
    {
        var walk = Walk.Until(step).Done(step);
        Happening[] answers =
            [new Happening.Done(step), new Happening.Refused(step, "LATE"), new Happening.Faulted(step, "late"), new Happening.Undone(step), new Happening.Apologised()];
        foreach (var again in answers)
            Assert.Equal(Said.Ignored, walk.Hear(again).Last.Says);

        Assert.Equal(Table.Whole.Select(r => r.Name), walk.ToTheEnd().Asked);
        Assert.Equal([Ending.Completed], walk.Endings);
    }

    [Fact]
    public void Should_ignore_the_answers_of_steps_whose_turn_has_not_come()
    {
        var walk = new Walk();
        foreach (var step in Table.Whole.Skip(1).Select(r => r.Name))
        {
            Assert.Equal(Said.Ignored, walk.Done(step).Last.Says);
            Assert.Equal(Said.Ignored, walk.Hear(new Happening.Refused(step, "EARLY")).Last.Says);
        }

        Assert.Equal(Table.Whole.Select(r => r.Name), walk.ToTheEnd().Asked);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_change_nothing_when_it_comes_after_the_mirror_began(string step)
    {
        var walk = Walk.Until(step).Cancel().Done(step);
        Assert.Equal(Said.Late, walk.Last.Says);
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Empty(walk.Alerts);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_change_nothing_when_the_step_was_undone_and_the_order_has_ended(string step)
    {
        var walk = Walk.Until(step).Cancel().ToTheEnd();
        Happening[] answers =
        [
            new Happening.Done(step), new Happening.Refused(step, "LATE"), new Happening.Faulted(step, "late"),
            new Happening.Undone(step), new Happening.TooLate(step, "GONE"), new Happening.Apologised(),
        ];
        foreach (var late in answers)
            Assert.Equal(Said.Ignored, walk.Hear(late).Last.Says);

        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_not_undo_again_what_confirms_its_undo_twice(string step)
    {
        var walk = Walk.Until(step).Fault().Undone(step).Undone(step);
        Assert.Equal(Said.Ignored, walk.Last.Says);
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_not_believe_that_there_was_nothing_when_it_was_once_seen_done(string step)
    {
        // Done, but too late: the mirror had begun. The undo that then finds nothing is tried again until it is stuck.
        var walk = Walk.Until(step).Cancel().Done(step).Undone(step, nothing: true);
        Assert.Equal((Said.Faulted, Phase.Pausing), (walk.Last.Says, walk.Now.Asked!.Value.Phase));

        walk.Times(5, w => w.Wait().Undone(step, nothing: true));
        Assert.Equal(StepStatus.Stuck, walk.Mark(step));
        Assert.Equal([Ending.Failed], walk.ToTheEnd().Endings);
        Assert.Equal(Said.Ignored, walk.Undone(step, nothing: true).Last.Says);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_not_lengthen_the_pause_when_what_is_not_believed_comes_twice(string step)
    {
        // RULES 4.3: the pauses are 2, 4, 8, 16, 32 s.
        var walk = Walk.Until(step).Cancel().Done(step).Undone(step, nothing: true);
        walk.Pass(TimeSpan.FromSeconds(1)).Undone(step, nothing: true);

        Assert.Equal(Said.Ignored, walk.Last.Says);
        Assert.Equal(TimeSpan.FromSeconds(1), walk.UntilDue);
    }
}
