namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>Every happening in every state that an order can come to. Nothing is assumed of participants but that they speak.</summary>
public class When_anything_happens_anywhere(ITestOutputHelper output)
{
    private static readonly Patience Short = new(3, TimeSpan.FromSeconds(10), [TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4)], TimeSpan.FromSeconds(70), TimeSpan.FromMinutes(5));

    internal static readonly Lazy<Exploration> Explored = new(() =>
    {
        var explored = new Exploration(new Route(
        [
            new("First", "FirstDone", "UndoFirst", TimeSpan.FromSeconds(60)),
            new("Second", "SecondDone", "UndoSecond", TimeSpan.FromSeconds(60)),
            new("Third", "ThirdDone", "UndoThird", TimeSpan.FromSeconds(60)),
            new("Last", "LastDone", null, TimeSpan.FromSeconds(60)),
        ]), Short);
        explored.Run(most: 100_000);
        return explored;
    });

    [Fact]
    public void Should_keep_every_rule()
    {
        output.WriteLine($"{Explored.Value.Nodes.Count} states, {Explored.Value.Decisions} decisions");
        Assert.True(Explored.Value.Broken.Count == 0, string.Join("\n\n", Explored.Value.Broken.Select(b => $"{b.Key}:{b.Value}")));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void Should_come_to_rest_from_everywhere(bool silent) =>
        Assert.Null(Explored.Value.Nodes.Select(node => Explored.Value.Endless(node, silent)).FirstOrDefault(endless => endless is not null));

    [Fact]
    public void Should_have_been_everywhere()
    {
        var nodes = Explored.Value.Nodes;
        Assert.InRange(nodes.Count, 2_000, 99_999);
        Assert.Equal(Enum.GetValues<StepStatus>(), nodes.SelectMany(n => n.Now.Steps).Distinct().Order());
        Assert.Equal(Enum.GetValues<Ending>().Cast<Ending?>().Prepend(null), nodes.Select(n => n.Now.Ended).Distinct().Order());
        Assert.Equal(
            ["Compensated", "Compensating", "Complete", "Failed", "FirstDone", "Initial", "Pending", "SecondDone", "ThirdDone"],
            nodes.Select(n => n.Now.State).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(3 * 3, nodes.Where(n => n.Now.Asked is not null).Select(n => (n.Now.Asked!.Value.Direction, n.Now.Asked.Value.Phase)).Distinct().Count());
        Assert.Empty(typeof(Said).GetFields().Select(f => (string)f.GetValue(null)!).Except(Explored.Value.Words));
    }
}
