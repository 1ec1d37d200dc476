using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace OrderSaga.Host.Commands.Load;

/// <summary>A report as one page that needs nothing else: light and dark, on a phone too.</summary>
internal static class ReportPage
{
    private static readonly double[] Marks = [0, 50, 90, 99, 99.9, 99.99];

    private const string Style = """
        :root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6675;--page:#f6f7f9;--card:#fff;--rule:#dfe3e8;--main:#1f6feb;--other:#b35900}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--page:#12161c;--card:#1b2129;--rule:#303946;--main:#6cb0ff;--other:#ffb35c}}
        *{box-sizing:border-box}body{margin:0 auto;max-width:66rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page)}
        h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1rem;margin:0 0 .5rem}p{margin:.3rem 0}.soft{color:var(--soft)}.bad{color:var(--other);font-weight:600}
        main{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
        section{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:1rem;min-width:0;overflow-x:auto}
        .big{display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:.8rem 0}.big b{font-size:1.6rem;display:block;line-height:1.2}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--rule);font-weight:400;overflow-wrap:anywhere}td:first-child{overflow-wrap:normal}
        th{color:var(--soft)}td.n,th.n{text-align:right;white-space:nowrap}svg{width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
        .grid{stroke:var(--rule)}polyline{fill:none;stroke-width:2}.now{stroke:var(--main)}.before{stroke:var(--other);stroke-dasharray:5 4}.bar{fill:var(--main)}.key{display:inline-block;width:1.4em;border-top:2px solid var(--main);vertical-align:middle}.key.was{border-top:2px dashed var(--other)}
        """;

    public static string Of(LoadReport report, Comparison? comparison)
    {
        var page = new StringBuilder($"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>OrderSaga under load</title><style>
            {Style}
            </style></head><body>

            """);
        page.Append(Head(report)).Append("<main>");
        if (report.Latency is not null)
            page.Append(Card("Latency by percentile", Curve(report, comparison) + Key(comparison is not null, "this run", "before")))
                .Append(Card("Throughput over time", Course(report) + Key(true, "come to rest per second", "accepted per second")))
                .Append(Card("How long orders took", Histogram(report)));
        if (comparison is not null)
            page.Append(Card($"Compared with {Path.GetFileName(comparison.File)}", Table(["", "before", "now", ""], 1, (report.Compared ?? []).Select(f => (string[])[f.Name, ReportText.Number(f.Before), ReportText.Number(f.Now), f.Ratio]))
                + List("Not the same", comparison.Differences(report.Element))));
        page.Append(Card("Milliseconds from when it was due", Latencies(report)))
            .Append(Card("What an order costs", Table(["", ""], 1, ReportText.Costs(report).Select(c => (string[])[c.Name.Trim(), c.Value])) + List("Not counted", report.NotCounted)));
        if (report.Errors.Count > 0)
            page.Append(Card("Errors", Table(["", "orders"], 1, report.Errors.Select(e => (string[])[e.Key, $"{e.Value}"]))));
        return page.Append(Card("Machine", Pairs(report.Machine))).Append(Card("Settings", Pairs(report.Settings))).Append("</main></body></html>\n").ToString();
    }

    private static string Head(LoadReport report)
    {
        var orders = report.Orders;
        string[] trouble =
        [
            .. report.CutShort is { } why ? [$"Cut short: {why}."] : Array.Empty<string>(),
            .. orders.Failed > 0 ? [$"{orders.Failed} orders brought an error."] : Array.Empty<string>(),
            .. orders.NotAtRest > 0 ? [$"{orders.NotAtRest} accepted orders were not seen at rest."] : Array.Empty<string>(),
            .. orders.Otherwise > 0 ? [$"{orders.Otherwise} orders came to rest otherwise than they were meant to."] : Array.Empty<string>(),
        ];
        (string Name, double? Value)[] big = [("orders/s", report.OrdersPerSecond), ("p50 ms", report.Latency?.P50), ("p95 ms", report.Latency?.P95), ("p99 ms", report.Latency?.P99), ("max ms", report.Latency?.Max)];
        return FormattableString.Invariant($"<h1>OrderSaga under load</h1><p class=\"soft\">{orders.Ended} orders came to rest in {report.Seconds:0.0} s, {report.At:yyyy-MM-dd HH:mm} UTC, {Text(report.Settings.GetValueOrDefault("pace", ""))}</p>")
            + string.Concat(trouble.Select(t => $"<p class=\"bad\">{Text(t)}</p>"))
            + $"<div class=\"big\">{string.Concat(big.Select(b => $"<div><b>{ReportText.Number(b.Value)}</b><span class=\"soft\">{b.Name}</span></div>"))}</div>";
    }

    private static string Curve(LoadReport report, Comparison? comparison)
    {
        var before = comparison is not null && comparison.Before.TryGetProperty("curve", out var curve) && curve.ValueKind == JsonValueKind.Array
            ? curve.EnumerateArray().Select(PointOf).OfType<Point>().ToList()
            : [];
        var all = report.Curve.Concat(before).ToList();
        // The slow ones are spread out: each mark is ten times as rare as the one before.
        var most = Rare(all.Where(p => p.Percent < 100).Select(p => p.Percent).DefaultIfEmpty(0).Max()) + 0.3;
        double At(double percent) => percent >= 100 ? most : Rare(percent);
        var chart = new Chart("How many milliseconds so many percent of the orders took at most", most, all.Max(p => p.Ms), "percent of orders; milliseconds",
            ((double, string)[])[.. Marks.Where(p => Rare(p) < most - 0.15).Select(p => (Rare(p), p.ToString(CultureInfo.InvariantCulture))), (most, "max")]);
        if (before.Count > 0)
            chart.Line("before", before.Select(p => (At(p.Percent), p.Ms)));
        return $"{chart.Line("now", report.Curve.Select(p => (At(p.Percent), p.Ms)))}";
    }

    private static string Course(LoadReport report)
    {
        var (all, end) = (report.Course, Math.Max(report.Seconds, report.Course[^1].Second));
        var step = Chart.Step(end);
        return $"{new Chart("Orders per second over time", end, all.Max(m => Math.Max(m.Ended, m.Accepted)), "seconds; orders per second", Enumerable.Range(0, (int)(end / step) + 1).Select(i => (i * step, (i * step).ToString("0.###", CultureInfo.InvariantCulture))))
            .Line("before", all.Select(m => (m.Second, m.Accepted))).Line("now", all.Select(m => (m.Second, m.Ended)))}";
    }

    private static string Histogram(LoadReport report)
    {
        var bars = report.Histogram;
        var chart = new Chart("How many orders took how long", bars.Count, bars.Max(b => b.Orders), "milliseconds; orders", bars.Select((b, i) => ((double)i, ReportText.Number(b.From))).Where((_, i) => i % Math.Max(1, (bars.Count + 4) / 5) == 0));
        for (var i = 0; i < bars.Count; i++)
            chart.Bar(i, i + 1, bars[i].Orders, FormattableString.Invariant($"{bars[i].Orders} orders took {bars[i].From} to {bars[i].To} ms"));
        return $"{chart}";
    }

    private static string Latencies(LoadReport report) => Table(["", "orders", "p50", "p95", "p99", "max"], 1,
        ((string What, Spread? Spread)[])[("until accepted", report.Intake), ("until at rest", report.Latency), .. ReportText.Told(report).Select(e => ($"{e.Meant}: {e.State}{(e.AsMeant ? "" : ", not as meant")}", (Spread?)e.Latency))] is var rows
            ? rows.Where(r => r.Spread is not null).Select(r => (string[])[r.What, $"{r.Spread!.Orders}", ReportText.Number(r.Spread.P50), ReportText.Number(r.Spread.P95), ReportText.Number(r.Spread.P99), ReportText.Number(r.Spread.Max)])
            : []);

    private static Point? PointOf(JsonElement point) =>
        point.ValueKind == JsonValueKind.Object && point.TryGetProperty("percent", out var percent) && point.TryGetProperty("ms", out var ms)
            && percent.ValueKind == JsonValueKind.Number && ms.ValueKind == JsonValueKind.Number && percent.GetDouble() is >= 0 and <= 100 && ms.GetDouble() >= 0
            ? new(percent.GetDouble(), ms.GetDouble())
            : null;

    private static double Rare(double percent) => -Math.Log10(1 - (percent / 100));

    private static string Key(bool both, string now, string before) =>
        both ? $"<p class=\"soft\"><span class=\"key\"></span> {now} &nbsp; <span class=\"key was\"></span> {before}</p>" : "";

    private static string Card(string title, string content) => $"<section><h2>{Text(title)}</h2>{content}</section>\n";

    private static string Pairs(IReadOnlyDictionary<string, string> pairs) => Table([], 2, pairs.Select(p => (string[])[p.Key, p.Value]));

    private static string List(string title, IReadOnlyCollection<string> lines) =>
        lines.Count == 0 ? "" : $"<p class=\"soft\">{Text(title)}: {string.Join("; ", lines.Select(Text))}.</p>";

    // The first columns are words, the others numbers.
    private static string Table(string[] head, int words, IEnumerable<string[]> rows)
    {
        string Cells(string[] row, string cell) => $"<tr>{string.Concat(row.Select((text, i) => $"<{cell}{(i < words ? "" : " class=\"n\"")}>{Text(text)}</{cell}>"))}</tr>";
        return $"<table>{(head.Any(h => h.Length > 0) ? Cells(head, "th") : "")}{string.Concat(rows.Select(r => Cells(r, "td")))}</table>";
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
