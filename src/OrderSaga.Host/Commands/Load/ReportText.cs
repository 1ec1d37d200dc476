using System.Globalization;

namespace OrderSaga.Host.Commands.Load;

/// <summary>A report for people at a terminal.</summary>
internal static class ReportText
{
    public static void Print(LoadReport report, Comparison? comparison)
    {
        var orders = report.Orders;
        Console.WriteLine(report.OrdersPerSecond is { } rate
            ? Line($"{orders.Ended} orders came to rest in {report.Seconds:0.0} s: {rate:0.0} orders/s")
            : "No order came to rest.");
        if (report.CutShort is { } why)
            Console.WriteLine($"Cut short: {why}.");
        if (report.SentLateMs is { } late)
            Console.WriteLine(Line($"Orders were sent {late:0} ms after they were due at most, which is counted as theirs."));
        if (report.Latency is { } latency)
        {
            Console.WriteLine();
            List<IReadOnlyList<string>> rows = [Row("until at rest", "", latency)];
            if (report.Intake is { } intake)
                rows.Insert(0, Row("until accepted", "", intake));
            rows.AddRange(Told(report).Select(e => Row($"  {e.Meant}", e.AsMeant ? e.State : $"{e.State}, not as meant", e.Latency)));
            Output.Table(["MS FROM WHEN DUE", "CAME TO REST", "ORDERS", "P50", "P95", "P99", "MAX"], rows);
        }

        if (report.PerOrder.Count + report.Cpu.Count > 0)
        {
            Console.WriteLine();
            Output.Table(["PER ORDER", ""], Costs(report).Select(c => (IReadOnlyList<string>)[c.Name, c.Value]));
        }

        Tell("Errors", report.Errors.Select(e => $"{e.Value} x {e.Key}"));
        Tell("Trouble", [.. orders.NotAtRest > 0 ? [$"{orders.NotAtRest} accepted orders were not seen at rest"] : Array.Empty<string>(), .. orders.Otherwise > 0 ? [$"{orders.Otherwise} orders came to rest otherwise than they were meant to"] : Array.Empty<string>()]);
        Tell("Not counted", report.NotCounted);
        Tell("Machine", [string.Join(", ", report.Machine.Select(m => $"{m.Key} {m.Value}"))]);
        Tell("Settings", report.Settings.Select(s => $"{s.Key}: {s.Value}"));
        if (comparison is not null)
            Compare(comparison, report);
    }

    /// <summary>What an order costs, line by line.</summary>
    public static IEnumerable<(string Name, string Value)> Costs(LoadReport report)
    {
        if (report.PerOrder.TryGetValue("cpuMs", out var cpu))
            yield return ("CPU", Line($"{cpu:0.00} ms"));
        foreach (var (process, ms) in report.Cpu.OrderByDescending(c => c.Value))
            yield return ($"  CPU of {process}", Line($"{ms:0.00} ms"));
        foreach (var (name, called) in ((string, string)[])[("transactions", "transactions"), ("statements", "statements (round trips, at most)"), ("walBytes", "bytes of write-ahead log"), ("brokerMessages", "broker messages")])
            if (report.PerOrder.TryGetValue(name, out var value))
                yield return (called, value.ToString(name == "walBytes" ? "#,0" : "0.00", CultureInfo.InvariantCulture));
    }

    /// <summary>The endings, unless there is but one and it is what all were meant to have.</summary>
    public static IReadOnlyList<Ending> Told(LoadReport report) => report.Endings.Count > 1 || report.Orders.Otherwise > 0 ? report.Endings : [];

    public static string Number(double? value) => value switch
    {
        null => "-",
        >= 1000 => value.Value.ToString("#,0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.##", CultureInfo.InvariantCulture),
    };

    private static void Compare(Comparison comparison, LoadReport report)
    {
        Console.WriteLine();
        Output.Table(["COMPARED", "BEFORE", "NOW", ""], (report.Compared ?? []).Select(f => (IReadOnlyList<string>)[f.Name, Number(f.Before), Number(f.Now), f.Ratio]));
        Tell($"Not the same as in {comparison.File}", comparison.Differences(report.Element));
    }

    private static void Tell(string what, IEnumerable<string> lines)
    {
        var all = lines.ToList();
        if (all.Count > 0)
            Console.WriteLine($"{Environment.NewLine}{what}:{string.Concat(all.Select(l => $"{Environment.NewLine}  {l}"))}");
    }

    private static IReadOnlyList<string> Row(string what, string state, Spread spread) =>
        [what, state, $"{spread.Orders}", Number(spread.P50), Number(spread.P95), Number(spread.P99), Number(spread.Max)];

    private static string Line(FormattableString text) => FormattableString.Invariant(text);
}
