namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 3.10: answers are recorded, nothing is asked, the clock stands still; a cancel waits.</summary>
public class When_an_order_is_paused
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_stop_both_clocks_for_exactly_the_pause(string step)
    {
        var walk = Walk.Until(step).Pass(TimeSpan.FromSeconds(5));
        var (deadline, sagaDeadline, token) = (walk.Now.Deadline, walk.Now.SagaDeadline, walk.Now.Token);
        walk.Hear(new Happening.Paused()).Pass(Hour);
        Assert.Null(walk.Now.Due);
        Assert.Equal(Said.Ignored, walk.Hear(new Happening.TimeUp(token)).Last.Says);
        walk.Hear(new Happening.Resumed());

        Assert.Equal((deadline + Hour, sagaDeadline + Hour), (walk.Now.Deadline, walk.Now.SagaDeadline));
        Assert.Equal(TimeSpan.FromSeconds(15), walk.UntilDue);
        Assert.Equal(Table.Whole.Select(r => r.Name), walk.ToTheEnd().Asked);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_record_the_answer_and_ask_the_next_step_when_it_goes_on(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Paused()).Done(step);
        Assert.Equal((Said.Done, Phase.Held, step), (walk.Last.Says, walk.Now.Asked!.Value.Phase, walk.Asked[^1]));
        Assert.Equal(StepStatus.Done, walk.Mark(step));
        walk.Pass(Hour).Hear(new Happening.Resumed());

        Assert.Equal((Said.Resumed, walk.After(step).First()), (walk.Last.Says, walk.Asked[^1]));
        Assert.Equal(TimeSpan.FromSeconds(20), walk.UntilDue);
        Assert.Equal(Table.Whole.Select(r => r.Name), walk.ToTheEnd().Asked);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_record_a_refusal_and_begin_the_mirror_when_it_goes_on(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Paused()).Refuse();
        Assert.Equal((StateNames.Compensating, "NO", step), (walk.Now.State, walk.Now.Reason, walk.Asked[^1]));
        walk.Hear(new Happening.Resumed()).ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.BackBefore(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_have_a_cancel_wait(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Paused()).Cancel("CHANGED_MIND");
        Assert.Equal(Said.Cancelled, walk.Last.Says);
        Assert.DoesNotContain(StateNames.Compensating, walk.States);
        walk.Pass(Hour).Hear(new Happening.Resumed());
        Assert.Equal((Said.Resumed, StateNames.Compensating), (walk.Last.Says, walk.Now.State));
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Equal("CHANGED_MIND", walk.Now.Reason);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_keep_the_cancel_though_the_step_is_answered_meanwhile(string step)
    {
        // Also before the point of no return, behind which nothing was asked yet.
        var walk = Walk.Until(step).Hear(new Happening.Paused()).Cancel("CHANGED_MIND").Done(step).Hear(new Happening.Resumed()).ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Equal("CHANGED_MIND", walk.Now.Reason);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_take_a_cancel_after_the_answer_too(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Paused()).Done(step).Cancel("CHANGED_MIND");
        Assert.Equal(Said.Cancelled, walk.Last.Says);
        walk.Hear(new Happening.Resumed()).ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_keep_the_first_of_two_cancels(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Paused()).Cancel("FIRST").Cancel("SECOND");
        Assert.Equal(Said.Ignored, walk.Last.Says);
        Assert.Equal("FIRST", walk.Hear(new Happening.Resumed()).ToTheEnd().Now.Reason);
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_ignore_an_answer_to_what_is_only_held(string step)
    {
        // Nobody was asked, so nobody can have answered; as everywhere else.
        var walk = Walk.Until(Table.Whole[Table.Whole.IndexOf(step) - 1].Name).Hear(new Happening.Paused()).Answer();

        Assert.Equal(Said.Ignored, walk.Done(step).Last.Says);
        Assert.Equal(Said.Ignored, walk.Refuse().Last.Says);
        Assert.Equal(Table.Whole.Select(r => r.Name), walk.Hear(new Happening.Resumed()).ToTheEnd().Asked);
    }

    [Theory]
    [MemberData(nameof(Table.PastReturn), MemberType = typeof(Table))]
    public void Should_deny_a_cancel_once_the_point_of_no_return_was_asked(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Paused());
        Assert.True(walk.Cancel().Last.Denied);
        Assert.True(walk.Hear(new Happening.Restarted()).Cancel().Last.Denied);

        Assert.Equal([Ending.Completed], walk.Hear(new Happening.Resumed()).ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_hold_the_mirror_too(string step)
    {
        var walk = Walk.Until(step).Cancel().Hear(new Happening.Paused()).Undone(step);
        Assert.Equal((Said.Undone, Phase.Held), (walk.Last.Says, walk.Now.Asked!.Value.Phase));
        walk.Pass(Hour).Hear(new Happening.Resumed());
        Assert.Equal(TimeSpan.FromSeconds(10), walk.UntilDue);
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_stop_the_clock_between_two_tries_of_an_undo(string step)
    {
        var walk = Walk.Until(step).Cancel().Fault().Wait().Fault().Pass(TimeSpan.FromSeconds(1));
        walk.Hear(new Happening.Paused()).Pass(Hour).Hear(new Happening.Resumed());
        Assert.Equal((TimeSpan.FromSeconds(3), Phase.Pausing), (walk.UntilDue, walk.Now.Asked!.Value.Phase));

        Assert.Equal(Said.AskedAgain, walk.Wait().Last.Says);
        Assert.Equal([Ending.Compensated], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_begin_the_pause_of_a_failed_undo_when_it_goes_on(string step)
    {
        // The try fails half an hour into the pause: its 2 s are not over before the order goes on, and not longer after that.
        var walk = Walk.Until(step).Cancel().Hear(new Happening.Paused()).Pass(Hour / 2).Fault().Pass(Hour / 2).Hear(new Happening.Resumed());

        Assert.Equal((TimeSpan.FromSeconds(2), Phase.Pausing), (walk.UntilDue, walk.Now.Asked!.Value.Phase));
    }

    [Fact]
    public void Should_not_stay_paused_when_it_comes_to_rest()
    {
        var walk = Walk.Until("ReserveInventory").Cancel().To(Route.Apology).Hear(new Happening.Paused()).Hear(new Happening.Apologised());

        Assert.Equal((StateNames.Compensated, null), (walk.Now.State, walk.Now.PausedAt));
        Assert.True(walk.Hear(new Happening.Resumed()).Last.Denied);
    }

    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_be_paused_and_resumed_once(string step)
    {
        var walk = Walk.Until(step);
        Assert.True(walk.Hear(new Happening.Resumed()).Last.Denied);
        Assert.Equal(Said.Paused, walk.Hear(new Happening.Paused()).Last.Says);
        Assert.True(walk.Hear(new Happening.Paused()).Last.Denied);
        Assert.Equal(Said.Resumed, walk.Hear(new Happening.Resumed()).Last.Says);
        Assert.True(walk.ToTheEnd().Hear(new Happening.Paused()).Last.Denied);
    }
}
