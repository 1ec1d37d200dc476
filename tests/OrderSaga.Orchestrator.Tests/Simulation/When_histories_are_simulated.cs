using System.Diagnostics;

namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>
/// Tens of thousands of lives of one order, each decided by its seed: with all rules on, no promise is ever broken. ORDERSAGA_TEST_LONG=1
/// runs a million.
/// </summary>
public class When_histories_are_simulated(ITestOutputHelper output)
{
    private const long Quick = 40_000, Long = 1_000_000;

    [Fact]
    public async Task Should_keep_every_promise()
    {
        var count = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? Long : Quick;
        var watch = Stopwatch.StartNew();
        var halves = await Task.WhenAll(
            Task.Run(() => Histories.FirstBroken(1, count / 2)),
            Task.Run(() => Histories.FirstBroken(1 + (count / 2), count / 2)));
        output.WriteLine($"{count} histories, {count / watch.Elapsed.TotalSeconds:0} per second on two threads");
        if ((halves[0] ?? halves[1]) is { } seed)
            Assert.Fail(Histories.Tell(seed));
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
