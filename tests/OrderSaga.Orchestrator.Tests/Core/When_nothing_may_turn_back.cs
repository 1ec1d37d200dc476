namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 3.7 and 4.4: the rows past the point of no return, and the apology, are asked for until they answer.</summary>
public class When_nothing_may_turn_back
{
    private const string Step = "SendConfirmation";

    [Theory]
    [MemberData(nameof(Table.PastReturn), MemberType = typeof(Table))]
    public void Should_ask_until_it_answers_with_growing_pauses_and_one_alert(string step)
    {
        var walk = Walk.Until(step).Wait().Wait();
        foreach (var pause in (int[])[8, 16, 32, 64, 128, 256, 300, 300])
        {
            Assert.Equal(TimeSpan.FromSeconds(20), walk.UntilDue);
            walk.Wait();
            Assert.Equal((Said.Silent, TimeSpan.FromSeconds(pause)), (walk.Last.Says, walk.UntilDue));
            walk.Wait();
        }

        Assert.Equal([$"{step} is not answered"], walk.Alerts);
        Assert.DoesNotContain(StateNames.Compensating, walk.States);
        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.PastReturn), MemberType = typeof(Table))]
    public void Should_pause_after_every_fault(string step)
    {
        var walk = Walk.Until(step);
        foreach (var pause in (int[])[2, 4, 8, 16])
        {
            walk.Fault();
            Assert.Equal((Said.Faulted, TimeSpan.FromSeconds(pause)), (walk.Last.Says, walk.UntilDue));
            walk.Wait();
        }

        Assert.Single(walk.Alerts);
        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.PastReturn), MemberType = typeof(Table))]
    public void Should_take_an_answer_that_comes_in_a_pause(string step)
    {
        var walk = Walk.Until(step).Fault().Done(step);

        Assert.Equal(Said.Done, walk.Last.Says);
        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
    }

    [Theory]
    [MemberData(nameof(Table.PastReturn), MemberType = typeof(Table))]
    public void Should_go_on_with_an_alert_when_it_is_refused(string step)
    {
        var walk = Walk.Until(step).Hear(new Happening.Refused(step, "NO_ADDRESS")).ToTheEnd();

        Assert.Equal(StepStatus.Refused, walk.Mark(step));
        Assert.Equal([$"{step} was refused past the point of no return"], walk.Alerts);
        Assert.Equal([Ending.Completed], walk.Endings);
    }

    [Theory]
    [MemberData(nameof(Table.PastReturn), MemberType = typeof(Table))]
    public void Should_deny_a_cancel(string step)
    {
        var walk = Walk.Until(step);
        Assert.True(walk.Cancel().Last.Denied);
        Assert.True(walk.Fault().Cancel().Last.Denied);
        Assert.True(walk.Wait().Cancel().Last.Denied);

        Assert.Equal([Ending.Completed], walk.ToTheEnd().Endings);
        Assert.True(walk.Cancel().Last.Denied);
    }

    [Fact]
    public void Should_apologise_until_it_is_answered_with_growing_pauses_and_one_alert()
    {
        var walk = Walk.Until("ChargePayment").Refuse().To(Route.Apology);
        foreach (var pause in (int[])[2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
        {
            Assert.Equal(TimeSpan.FromSeconds(10), walk.UntilDue);
            walk.Wait();
            Assert.Equal((Said.Silent, TimeSpan.FromSeconds(pause)), (walk.Last.Says, walk.UntilDue));
            walk.Wait();
        }

        Assert.Equal(["SendApology is not answered"], walk.Alerts);
        walk.ToTheEnd();
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Equal("NO", walk.Now.Reason);
    }

    [Fact]
    public void Should_apologise_again_after_faults_and_hear_the_answer_in_a_pause()
    {
        var walk = Walk.Until("ChargePayment").Refuse().To(Route.Apology).Fault().Wait().Fault().Hear(new Happening.Apologised());

        Assert.Equal((Said.Apologised, StateNames.Compensated), (walk.Last.Says, walk.Now.State));
        Assert.Equal([Ending.Compensated], walk.Endings);
        Assert.Equal(Said.Ignored, walk.Hear(new Happening.Apologised()).Last.Says);
    }

    [Fact]
    public void Should_ignore_a_cancel_of_what_is_undone_anyway()
    {
        var walk = Walk.Until("ChargePayment").Refuse();
        Assert.Equal(Said.Ignored, walk.Cancel().Last.Says);
        Assert.Equal(Said.Ignored, walk.To(Route.Apology).Cancel().Last.Says);
        Assert.Equal(Said.Ignored, walk.ToTheEnd().Cancel().Last.Says);
        Assert.Equal(Said.Ignored, Walk.Until(Step).ToTheEnd().Hear(new Happening.Refused(Step, "LATE")).Last.Says);
        Assert.Equal("NO", walk.Now.Reason);
    }
}
