using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrderSaga.Host.Commands.Load;

/// <summary>What was measured, as it is written for programs. What could not be counted is not there, and is named.</summary>
internal sealed record LoadReport
{
    private static readonly JsonSerializerOptions Written = new(JsonSerializerOptions.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public required DateTimeOffset At { get; init; }

    public required IReadOnlyDictionary<string, string> Machine { get; init; }

    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>Why there are fewer orders than were wanted, if so.</summary>
    public string? CutShort { get; init; }

    /// <summary>With an open rate: how much later than it was due an order was sent, at most; that counts as its latency.</summary>
    public double? SentLateMs { get; init; }

    public required Counts Orders { get; init; }

    public required double Seconds { get; init; }

    public double? OrdersPerSecond { get; init; }

    /// <summary>From when an order was due until it was seen at rest.</summary>
    public Spread? Latency { get; init; }

    /// <summary>From when an order was due until it was accepted.</summary>
    public Spread? Intake { get; init; }

    public required IReadOnlyList<Ending> Endings { get; init; }

    /// <summary>cpuMs, transactions, statements, walBytes, brokerMessages.</summary>
    public required IReadOnlyDictionary<string, double> PerOrder { get; init; }

    /// <summary>Milliseconds per order of each process.</summary>
    public required IReadOnlyDictionary<string, double> Cpu { get; init; }

    public required IReadOnlyDictionary<string, int> Errors { get; init; }

    public required IReadOnlyCollection<string> NotCounted { get; init; }

    public required IReadOnlyList<Moment> Course { get; init; }

    public required IReadOnlyList<Point> Curve { get; init; }

    public required IReadOnlyList<Bar> Histogram { get; init; }

    /// <summary>The figures beside those of an earlier report, if one was given.</summary>
    public IReadOnlyList<Figure>? Compared { get; init; }

    /// <summary>As programs are given it: what is not known is not there.</summary>
    [JsonIgnore]
    public JsonElement Element => JsonSerializer.SerializeToElement(this, Written);

    /// <summary>Whether all went as it was meant to.</summary>
    public bool IsGood => CutShort is null && Orders is { Failed: 0, NotAtRest: 0, Otherwise: 0, Ended: > 0 };

    public static LoadReport Of(Totals totals, Reading before, Reading after, long ownTransactions, IReadOnlyCollection<string> notCounted, IReadOnlyDictionary<string, string> settings, DateTimeOffset at)
    {
        var ended = totals.Ended;
        var times = ended.Select(e => e.Took).Order().ToArray();
        notCounted = [.. notCounted, .. before.Cpu.Keys.Except(after.Cpu.Keys).Concat(after.Cpu.Keys.Except(before.Cpu.Keys)).Select(c => $"processor time of {c.Name}: it was not there all the time")];
        var cpu = after.Cpu.Where(c => before.Cpu.ContainsKey(c.Key)).ToDictionary(c => c.Key.Name, c => Per(c.Value - before.Cpu[c.Key], ended.Count));
        var perOrder = new Dictionary<string, double>();
        void Add(string name, double? value)
        {
            if (value is { } known && ended.Count > 0)
                perOrder[name] = Per(known, ended.Count);
        }

        // A part would look like the whole.
        if (cpu.Count > 1 && !notCounted.Any(n => n.StartsWith("processor time", StringComparison.Ordinal)))
            perOrder["cpuMs"] = Math.Round(cpu.Values.Sum(), 3);
        Add("transactions", after.Transactions - before.Transactions - ownTransactions);
        Add("statements", after.Statements - before.Statements - ownTransactions);
        Add("walBytes", after.WalBytes - before.WalBytes);
        Add("brokerMessages", after.BrokerMessages - before.BrokerMessages);
        return new()
        {
            At = at,
            Machine = Here(),
            Settings = settings,
            Orders = new(totals.Accepted.Count, ended.Count, ended.Count(e => !e.Met), totals.Failed, totals.NotAtRest, totals.MostUnderWay),
            Seconds = Math.Round(totals.Seconds, 3),
            OrdersPerSecond = ended.Count > 0 ? Math.Round(ended.Count / totals.Seconds, 2) : null,
            Latency = Rounded(Spread.Of(times)),
            Intake = Rounded(Spread.Of(totals.Accepted.Select(a => a.Took))),
            Endings = [.. ended.GroupBy(e => (e.Meant, e.State)).OrderBy(g => Kind.All.ToList().FindIndex(k => k.Name == g.Key.Meant)).ThenByDescending(g => g.Count())
                .Select(g => new Ending(g.Key.Meant, g.Key.State, g.First().Met, Rounded(Spread.Of(g.Select(e => e.Took)))!))],
            PerOrder = perOrder,
            Cpu = cpu,
            Errors = totals.Errors,
            NotCounted = notCounted,
            Course = Moment.Of(totals),
            Curve = Point.Of(times),
            Histogram = Bar.Of(times),
        };
    }

    private static Spread? Rounded(Spread? s) => s is null ? null : new(s.Orders, Ms(s.Mean), Ms(s.P50), Ms(s.P95), Ms(s.P99), Ms(s.Max));

    private static double Ms(double value) => Math.Round(value, 2);

    private static double Per(double value, int orders) => orders == 0 ? 0 : Math.Round(value / orders, 3);

    private static Dictionary<string, string> Here()
    {
        var here = new Dictionary<string, string>
        {
            ["system"] = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}",
            ["processors"] = $"{Environment.ProcessorCount}",
            ["memory"] = string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1L << 20)} MiB"),
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["version"] = typeof(LoadReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "",
        };
        if (File.Exists("/proc/cpuinfo") && File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) is { } model)
            here["processor"] = model.Split(':', 2)[1].Trim();
        return here;
    }
}

/// <summary>How many orders were accepted, came to rest, did so otherwise than they were meant to, brought an error instead of an answer, were not seen at rest; and how many were under way at a time.</summary>
internal sealed record Counts(int Accepted, int Ended, int Otherwise, int Failed, int NotAtRest, int MostUnderWay);

/// <summary>Orders that were meant to end in one way, and ended in one.</summary>
internal sealed record Ending(string Meant, string State, bool AsMeant, Spread Latency);

/// <summary>What happened within one stretch of time.</summary>
/// <param name="Second">When it begins.</param>
/// <param name="Accepted">Orders per second.</param>
/// <param name="Ended">Orders per second.</param>
/// <param name="P50">Of those that ended in it.</param>
/// <param name="P99">Of those that ended in it.</param>
internal sealed record Moment(double Second, double Accepted, double Ended, double? P50, double? P99)
{
    private const int Most = 120;

    public static IReadOnlyList<Moment> Of(Totals totals)
    {
        var end = Math.Max(totals.Elapsed.TotalMilliseconds, 1);
        // A second each, of a long run more, of a short one less; the last is as short as it is.
        var step = Math.Max(Math.Ceiling(end / 1000 / Most) * 1000, 1);
        if (end < 5000)
            step = end / 10;
        var many = (int)Math.Ceiling(end / step);
        var ended = totals.Ended.ToLookup(e => Math.Min((int)(e.At / step), many - 1), e => e.Took);
        var accepted = totals.Accepted.ToLookup(a => Math.Min((int)(a.At / step), many - 1));
        return [.. Enumerable.Range(0, many).Select(i =>
        {
            var (spread, seconds) = (Spread.Of(ended[i]), Math.Min(step, end - (i * step)) / 1000);
            return new Moment(Math.Round(i * step / 1000, 3), Rate(accepted[i].Count()), Rate(ended[i].Count()), Round(spread?.P50), Round(spread?.P99));
            double Rate(int orders) => seconds > 0 ? Math.Round(orders / seconds, 2) : 0;
        })];
    }

    private static double? Round(double? ms) => ms is { } known ? Math.Round(known, 2) : null;
}

/// <summary>So many percent of the orders took no longer.</summary>
internal sealed record Point(double Percent, double Ms)
{
    private static readonly double[] Percents = [0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 99, 99.5, 99.9, 99.95, 99.99, 100];

    public static IReadOnlyList<Point> Of(double[] sorted) =>
        sorted.Length == 0 ? [] : [.. Percents.Where(p => p is 0 or 100 || sorted.Length * (100 - p) / 100 >= 1).Select(p => new Point(p, Math.Round(Spread.At(sorted, p), 2)))];
}

/// <summary>How many orders took from so long up to so long, in milliseconds.</summary>
internal sealed record Bar(double From, double To, int Orders)
{
    // Each a quarter wider than the one before: what is fast and what is slow is both seen.
    private const double Growth = 1.25;

    public static IReadOnlyList<Bar> Of(double[] sorted)
    {
        if (sorted.Length == 0)
            return [];
        static int At(double ms) => (int)Math.Floor(Math.Log(Math.Max(ms, 0.1), Growth));
        var bars = sorted.CountBy(At).ToDictionary();
        return [.. Enumerable.Range(At(sorted[0]), At(sorted[^1]) - At(sorted[0]) + 1)
            .Select(i => new Bar(Math.Round(Math.Pow(Growth, i), 2), Math.Round(Math.Pow(Growth, i + 1), 2), bars.GetValueOrDefault(i)))];
    }
}
