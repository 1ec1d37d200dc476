namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>RULES 7.2: what was asked and may be lost is asked again, and nothing else.</summary>
public class When_the_process_restarts
{
    public static TheoryData<string> Actions =>
        [.. Table.Whole.Select(r => r.Name), .. Table.Whole.Where(r => !r.PastReturn).Select(r => r.Undo!), Route.Apology];

    [Theory]
    [MemberData(nameof(Actions))]
    public void Should_ask_the_same_again(string action)
    {
        var walk = Awaiting(action);
        var before = walk.Now;
        walk.Hear(new Happening.Restarted());

        Assert.Equal((Said.AskedAgain, action), (walk.Last.Says, walk.Asked[^1]));
        Assert.Equal(before with { Token = before.Token + 1 }, walk.Now);
    }

    [Theory]
    [MemberData(nameof(Actions))]
    public void Should_come_to_the_same_end(string action)
    {
        var (walk, undisturbed) = (Awaiting(action), Awaiting(action));
        walk.Hear(new Happening.Restarted()).ToTheEnd();

        Assert.Equal(undisturbed.ToTheEnd().Endings, walk.Endings);
        Assert.Equal(undisturbed.Now.Steps.AsEnumerable(), walk.Now.Steps);
        Assert.Equal(undisturbed.Asked.Count + 1, walk.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Table.Undoable), MemberType = typeof(Table))]
    public void Should_leave_a_pause_between_two_tries_as_it_is(string step) =>
        Assert.Equal(Said.Ignored, Walk.Until(step).Cancel().Fault().Hear(new Happening.Restarted()).Last.Says);

    [Theory]
    [MemberData(nameof(Actions))]
    public void Should_ask_a_paused_order_when_it_goes_on(string action)
    {
        var walk = Awaiting(action).Hear(new Happening.Paused());
        var asked = walk.Asked.Count;
        walk.Hear(new Happening.Restarted());
        Assert.Equal(asked, walk.Asked.Count);

        Assert.Equal(action, walk.Hear(new Happening.Resumed()).Asked[^1]);
    }

    [Fact]
    public void Should_leave_what_has_ended_alone()
    {
        Walk[] ended = [new Walk().ToTheEnd(), new Walk().Cancel().ToTheEnd(), new Walk().Cancel().GetStuck().ToTheEnd()];

        Assert.All(ended, walk => Assert.Equal(Said.Ignored, walk.Hear(new Happening.Restarted()).Last.Says));
    }

    private static Walk Awaiting(string action) => Table.Whole.Any(r => r.Name == action)
        ? Walk.Until(action)
        : Walk.Until(Table.Whole.Last(r => !r.PastReturn).Name).Cancel().To(action);
}
