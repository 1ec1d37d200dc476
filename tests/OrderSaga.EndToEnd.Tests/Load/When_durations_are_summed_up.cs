using OrderSaga.Host.Commands.Load;

namespace OrderSaga.EndToEnd.Tests.Load;

public class When_durations_are_summed_up
{
    /// The simple model: the smallest duration that at least so many percent are not above.
    [Fact]
    public void Should_be_percentiles_as_defined()
    {
        var dice = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var times = Enumerable.Range(0, dice.Next(1, 250)).Select(_ => Math.Round(dice.NextDouble() * 50, 1)).ToArray();
            var spread = Spread.Of(times)!;
            double Model(int percent) => times.Where(t => times.Count(other => other <= t) * 100 >= percent * times.Length).Min();
            Assert.Equal((times.Length, Model(50), Model(95), Model(99), times.Max()), (spread.Orders, spread.P50, spread.P95, spread.P99, spread.Max));
            Assert.Equal(times.Sum() / times.Length, spread.Mean, 9);
        }

        Assert.Null(Spread.Of([]));
    }

    [Fact]
    public void Should_lose_no_order_in_bars_and_course()
    {
        var dice = new Random(7);
        foreach (var many in new[] { 1, 2, 99, 5000 })
        {
            var ended = Enumerable.Range(0, many).Select(_ => new Ended("complete", "Complete", true, dice.NextDouble() * 9_000, Math.Pow(10, (dice.NextDouble() * 5) - 1))).ToList();
            var sorted = ended.Select(e => e.Took).Order().ToArray();
            var bars = Bar.Of(sorted);
            Assert.Equal(many, bars.Sum(b => b.Orders));
            Assert.True(bars[0].From <= sorted[0] + 0.01 && bars[^1].To >= sorted[^1] - 0.01);
            var course = Moment.Of(new(TimeSpan.FromSeconds(9), ended, [.. ended.Select(e => (e.At, e.Took))], new Dictionary<string, int>(), 0, 1, TimeSpan.Zero));
            Assert.Equal(many, course.Sum(m => m.Ended), 1);
            var curve = Point.Of(sorted);
            Assert.Equal((sorted[0], sorted[^1]), (curve[0].Ms, curve[^1].Ms), (a, b) => Math.Abs(a.Item1 - b.Item1) < 0.01 && Math.Abs(a.Item2 - b.Item2) < 0.01);
            Assert.Equal(curve.Select(p => p.Ms).Order(), curve.Select(p => p.Ms));
        }
    }

    [Fact]
    public void Should_show_how_far_it_is()
    {
        var line = Progress.Line("Measuring", new(TimeSpan.FromSeconds(10), 40, 10, 7, 4.4, Spread.Of([1, 2, 30])), 100, null);
        Assert.Equal("Measuring [############............] 40/100  4 orders/s  p50 2 ms  p99 30 ms  7 under way  10 errors", line);
        Assert.StartsWith("Measuring [######..................] 0  ", Progress.Line("Measuring", new(TimeSpan.FromSeconds(15), 0, 0, 7, 0, null), null, TimeSpan.FromMinutes(1)), StringComparison.Ordinal);
    }
}
