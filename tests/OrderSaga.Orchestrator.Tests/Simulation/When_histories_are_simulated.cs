using System.Diagnostics;

namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>
/// Tens of thousands of lives of one order, each decided by its seed: with all rules on, no promise is ever broken. ORDERSAGA_TEST_LONG=1
/// runs a million.
/// </summary>
public class When_histories_are_simulated(ITestOutputHelper output)
{
    private const long Quick = 40_000, Long = 1_000_000;
    private static readonly long Count = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? Long : Quick;

    [Fact]
    public async Task Should_keep_every_promise()
    {
        var watch = Stopwatch.StartNew();
        var halves = await Task.WhenAll(
            Task.Run(() => Histories.FirstBroken(1, Count / 2)),
            Task.Run(() => Histories.FirstBroken(1 + (Count / 2), Count / 2)));
        output.WriteLine($"{Count} histories, {Count / watch.Elapsed.TotalSeconds:0} per second on two threads");
        if ((halves[0] ?? halves[1]) is { } seed)
            Assert.Fail(Histories.Tell(seed));
    }

    /// <summary>A gateway outside our control keeps no tombstones: a late success that is heard of is undone again.</summary>
    [Fact]
    public void Should_bear_participants_without_tombstones()
    {
        // That it is heard of is all that saves it: an answer that is lost for good (or an owner of an intent that dies, for a repetition
        // that meets its live intent is not answered) needs the tombstone.
        const Troubles LosesAnswers = Troubles.Silences | Troubles.BadUndos | Troubles.QueueLoss | Troubles.DeadLetters
            | Troubles.OrchestratorCrashes | Troubles.ParticipantCrashes | Troubles.Gateway;
        if (Histories.FirstBroken(1, Count / 2, Broken.NoTombstones, LosesAnswers) is { } seed)
            Assert.Fail(Histories.Tell(seed, Broken.NoTombstones, LosesAnswers));
    }

    [Fact]
    public void Should_go_everywhere()
    {
        var words = Histories.Words(1, Quick / 4);
        output.WriteLine(string.Join(", ", words.OrderBy(w => w.Value).Select(w => $"{w.Key} {w.Value}")));
        string[] expected = [.. typeof(Said).GetFields().Select(f => (string)f.GetRawConstantValue()!), .. Enum.GetNames<Ending>()];
        Assert.Empty(expected.Except(words.Keys));
    }

    [Fact]
    public void Should_repeat_a_history_from_its_seed()
    {
        for (var seed = 1; seed <= 50; seed++)
        {
            List<string> once = [], again = [];
            Histories.Run(Weather.Of(seed), once);
            Histories.Run(Weather.Of(seed), again);
            Assert.NotEmpty(once);
            Assert.Equal(once, again);
        }
    }
}
