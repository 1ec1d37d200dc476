namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 3.6, 3.8 and 6.6: the time of the whole order, heartbeats, and timers that are not the one that is due.</summary>
public class When_time_runs_out
{
    private static readonly Patience Short = Table.Patience with { SagaTime = TimeSpan.FromSeconds(10) };

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_be_undone_as_if_it_were_cancelled(string step)
    {
        var walk = Walk.Until(step, patience: Short);
        Assert.Equal(TimeSpan.FromSeconds(10), walk.UntilDue);
        walk.Wait();
        Assert.Equal((Said.OutOfTime, Decider.SagaOutOfTime), (walk.Last.Says, walk.Now.Reason));
        walk.ToTheEnd();

        Assert.Equal([.. walk.Forth(step), .. walk.Back(step)], walk.Asked);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Fact]
    public void Should_take_five_minutes_for_all_steps_together()
    {
        // Each answers after 50 s, at its third ask; the sixth has 50 s left.
        var walk = new Walk();
        var since = walk.At;
        walk.Times(5, w => w.Wait().Wait().Pass(TimeSpan.FromSeconds(10)).Answer()).Wait().Wait().Wait();

        Assert.Equal(TimeSpan.FromMinutes(5), walk.At - since);
        Assert.Equal((Said.OutOfTime, "RefundPayment"), (walk.Last.Says, walk.Action));
    }

    [Fact]
    public void Should_not_matter_past_the_point_of_no_return()
    {
        var walk = Walk.Until("SendConfirmation", patience: Short);
        Assert.Null(walk.Now.SagaDeadline);

        Assert.Equal([Ending.Completed], walk.Wait().Wait().Wait().Wait().ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_not_matter_in_the_mirror(string step)
    {
        var walk = Walk.Until(step, patience: Short).Cancel("CHANGED_MIND");
        Assert.Null(walk.Now.SagaDeadline);
        walk.Wait().Wait().Wait().ToTheEnd();

        Assert.Equal("CHANGED_MIND", walk.Now.Reason);
        Assert.Equal([Ending.Compensated], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_move_both_deadlines_with_a_heartbeat(string step)
    {
        var walk = Walk.Until(step);
        var (deadline, sagaDeadline) = (walk.Now.Deadline!.Value, walk.Now.SagaDeadline!.Value);
        walk.Hear(new Happening.StillAtWork(step, deadline + TimeSpan.FromHours(3)));

        Assert.Equal(Said.StillAtWork, walk.Last.Says);
        Assert.Equal(deadline + TimeSpan.FromHours(3), walk.Now.Deadline);
        Assert.Equal(sagaDeadline + TimeSpan.FromHours(3), walk.Now.SagaDeadline);
        Assert.Equal([Ending.Completed], walk.Pass(TimeSpan.FromHours(2)).ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.PastReturn), MemberType = typeof(Table))]
    public void Should_hear_heartbeats_past_the_point_of_no_return_too(string step)
    {
        var walk = Walk.Until(step);
        var until = walk.At + TimeSpan.FromHours(1);
        walk.Hear(new Happening.StillAtWork(step, until));

        Assert.Equal((until, null), (walk.Now.Due, walk.Now.SagaDeadline));
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_count_a_missed_heartbeat_as_silence(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.StillAtWork(step, new(2026, 1, 1, 15, 0, 0, TimeSpan.Zero)));
        Assert.Equal(Said.AskedAgain, walk.Wait().Last.Says);
        Assert.Equal(TimeSpan.FromSeconds(20), walk.UntilDue);
        walk.Wait().Wait();

        Assert.Equal((Said.Silent, Decider.StepSilent), (walk.Last.Says, walk.Now.Reason));
    }

    [Theory]
    [MemberData(nameof(Table.UndoableLater), MemberType = typeof(Table))]
    public void Should_ignore_a_heartbeat_that_moves_nothing(string step)
    {
        var before = Table.Whole[Table.Whole.IndexOf(step) - 1].Name;
        var walk = Walk.Until(step);
        Assert.Equal(Said.Ignored, walk.Hear(new Happening.StillAtWork(step, walk.Now.Deadline!.Value)).Last.Says);
        Assert.Equal(Said.Ignored, walk.Hear(new Happening.StillAtWork(before, walk.At + TimeSpan.FromHours(1))).Last.Says);
        Assert.Equal(Said.Ignored, walk.Cancel().Hear(new Happening.StillAtWork(step, walk.At + TimeSpan.FromHours(1))).Last.Says);
    }

    [Theory]
    [MemberData(nameof(Table.Rows), MemberType = typeof(Table))]
    public void Should_ignore_a_timer_of_another_ask_and_one_that_comes_too_early(string step)
    {
        var walk = Walk.Until(step);
        var token = walk.Now.Token;
        Assert.Equal(Said.Ignored, walk.Hear(new Happening.TimeUp(token)).Last.Says);
        walk.Pass(TimeSpan.FromSeconds(30));
        Assert.Equal(Said.Ignored, walk.Hear(new Happening.TimeUp(token - 1)).Last.Says);
        Assert.Equal(Said.Ignored, walk.Hear(new Happening.TimeUp(token + 1)).Last.Says);
        Assert.Equal(Said.AskedAgain, walk.Hear(new Happening.TimeUp(token)).Last.Says);
        Assert.Equal(Said.Ignored, walk.Pass(TimeSpan.FromSeconds(30)).Hear(new Happening.TimeUp(token)).Last.Says);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_ignore_the_timer_that_a_heartbeat_moved(string step)
    {
        var walk = Walk.Until(step);
        var token = walk.Now.Token;
        walk.Hear(new Happening.StillAtWork(step, walk.At + TimeSpan.FromMinutes(1))).Pass(TimeSpan.FromMinutes(2));

        Assert.Equal(Said.Ignored, walk.Hear(new Happening.TimeUp(token)).Last.Says);
    }

    [Fact]
    public void Should_do_nothing_at_an_order_that_has_ended()
    {
        var walk = Walk.Until("SendConfirmation");
        var token = walk.Now.Token;
        walk.ToTheEnd().Pass(TimeSpan.FromDays(1));
        foreach (var timer in (int[])[token, walk.Now.Token, walk.Now.Token + 1])
            Assert.Equal(Said.Ignored, walk.Hear(new Happening.TimeUp(timer)).Last.Says);
    }
}
