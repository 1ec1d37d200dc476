using System.Globalization;
using System.Text.RegularExpressions;

namespace OrderSaga.EndToEnd.Tests.Telemetry;

/// <summary>Reads the text format of Prometheus (0.0.4) as strictly as it is written down; what is not quite right fails.</summary>
internal sealed partial class MetricsText
{
    private readonly Dictionary<string, string> types = [];
    private readonly Dictionary<string, Dictionary<string, double>> samples = [];

    /// <summary>The type of each metric by its name.</summary>
    public IReadOnlyDictionary<string, string> Types => types;

    /// <summary>What a metric shows, by its labels as they are written.</summary>
    public IReadOnlyDictionary<string, double> this[string name] => samples.GetValueOrDefault(name) ?? [];

    /// <summary>The labels that a metric has anywhere.</summary>
    public IReadOnlySet<string> LabelsOf(string name) => samples.Where(s => Family(s.Key) == name).SelectMany(s => s.Value.Keys).SelectMany(l => Labels.Matches(l)).Select(m => m.Groups["name"].Value).ToHashSet();

    public static MetricsText Read(string text)
    {
        var read = new MetricsText();
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        string? family = null;
        var help = "";
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            if (Help.Match(line) is { Success: true } helped)
            {
                help = helped.Groups["name"].Value;
            }
            else if (Type.Match(line) is { Success: true } typed)
            {
                family = typed.Groups["name"].Value;
                Assert.Equal(help, family);
                Assert.True(read.types.TryAdd(family, typed.Groups["type"].Value), $"{family} comes twice.");
            }
            else
            {
                var sample = Sample.Match(line);
                Assert.True(sample.Success, $"Not understood: {line}");
                var name = sample.Groups["name"].Value;
                Assert.Equal(family, read.Family(name));
                Assert.True(read.samples.TryGetValue(name, out var series) || (read.samples[name] = series = []) is not null);
                Assert.True(series!.TryAdd(sample.Groups["labels"].Value, Number(sample.Groups["value"].Value)), $"Twice the same: {line}");
            }
        }

        foreach (var histogram in read.types.Where(t => t.Value == "histogram").Select(t => t.Key))
            read.CheckHistogram(histogram);
        Assert.All(read.types.Where(t => t.Value == "counter"), t => Assert.EndsWith("_total", t.Key, StringComparison.Ordinal));
        return read;
    }

    private string? Family(string name) =>
        types.TryGetValue(name, out var type) ? type == "histogram" ? null : name
        : Suffix.Match(name) is { Success: true } s && types.GetValueOrDefault(s.Groups["name"].Value) == "histogram" ? s.Groups["name"].Value
        : null;

    // Buckets only grow, the last is all, and without it there are as many series of each part.
    private void CheckHistogram(string name)
    {
        var buckets = samples[$"{name}_bucket"].Select(b => (Labels: Bound.Replace(b.Key, ""), Bound: Number(Bound.Match(b.Key).Groups["le"].Value), Count: b.Value)).GroupBy(b => b.Labels).ToList();
        Assert.Equal(samples[$"{name}_count"].Keys.Order(), buckets.Select(b => b.Key == "{}" ? "" : b.Key).Order());
        Assert.Equal(samples[$"{name}_count"].Keys.Order(), samples[$"{name}_sum"].Keys.Order());
        foreach (var series in buckets)
        {
            var all = series.ToList();
            Assert.Equal(all.OrderBy(b => b.Bound), all);
            Assert.Equal(all.OrderBy(b => b.Count), all);
            Assert.Equal(double.PositiveInfinity, all[^1].Bound);
            Assert.Equal(samples[$"{name}_count"][series.Key == "{}" ? "" : series.Key], all[^1].Count);
        }
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    [GeneratedRegex(@"^# HELP (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\\n]|\\\\|\\n)+$")]
    private static partial Regex Help { get; }

    [GeneratedRegex("^# TYPE (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<type>counter|gauge|histogram)$")]
    private static partial Regex Type { get; }

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?<labels>\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})? (?<value>[+-]Inf|NaN|[+-]?[0-9.]+(?:E[+-]?[0-9]+)?)$""")]
    private static partial Regex Sample { get; }

    [GeneratedRegex("^(?<name>.+)_(bucket|sum|count)$")]
    private static partial Regex Suffix { get; }

    [GeneratedRegex("""(?<name>[a-zA-Z_][a-zA-Z0-9_]*)=""")]
    private static partial Regex Labels { get; }

    [GeneratedRegex(""",?le="(?<le>[^"]+)"(?=\})""")]
    private static partial Regex Bound { get; }
}
