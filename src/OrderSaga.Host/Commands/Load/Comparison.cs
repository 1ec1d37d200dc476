using System.Globalization;
using System.Text.Json;

namespace OrderSaga.Host.Commands.Load;

/// <summary>A figure of two reports; what one of them lacks is not known.</summary>
internal sealed record Figure(string Name, double? Before, double? Now)
{
    /// <summary>How many times as much it is now.</summary>
    public string Ratio => Before is > 0 && Now is { } now ? string.Create(CultureInfo.InvariantCulture, $"{now / Before:0.00}x") : "";
}

/// <summary>This report beside an earlier one, which may be of another version of the program.</summary>
internal sealed class Comparison
{
    private static readonly (string Name, string Path)[] All =
    [
        ("orders/s", "ordersPerSecond"), ("latency p50 ms", "latency.p50"), ("latency p95 ms", "latency.p95"), ("latency p99 ms", "latency.p99"), ("latency max ms", "latency.max"),
        ("intake p50 ms", "intake.p50"), ("intake p99 ms", "intake.p99"), ("CPU ms per order", "perOrder.cpuMs"), ("transactions per order", "perOrder.transactions"),
        ("statements per order", "perOrder.statements"), ("WAL bytes per order", "perOrder.walBytes"), ("broker messages per order", "perOrder.brokerMessages"),
    ];

    private Comparison(string file, JsonElement before) => (File, Before) = (file, before);

    /// <summary>Where the earlier report is.</summary>
    public string File { get; }

    public JsonElement Before { get; }

    /// <exception cref="CommandException">It is not there, or no report.</exception>
    public static Comparison Read(string file)
    {
        try
        {
            var before = JsonElement.Parse(System.IO.File.ReadAllText(file));
            return All.Any(f => Value(before, f.Path) is not null)
                ? new(file, before)
                : throw new CommandException($"{file} holds no figure of a report: make one with 'ordersaga load --json > {Path.GetFileName(file)}'.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The report to compare with cannot be read: {e.Message}");
        }
        catch (JsonException)
        {
            throw new CommandException($"{file} is no JSON: make one with 'ordersaga load --json > {Path.GetFileName(file)}'.");
        }
    }

    /// <summary>The figures that at least one of them has.</summary>
    public IReadOnlyList<Figure> With(JsonElement now) =>
        [.. All.Select(f => new Figure(f.Name, Value(Before, f.Path), Value(now, f.Path))).Where(f => f.Before is not null || f.Now is not null)];

    /// <summary>What was not the same, of machine and settings: then the figures are not either.</summary>
    public IReadOnlyList<string> Differences(JsonElement now) => [.. from part in (string[])["machine", "settings"]
        from name in Names(Before, part).Union(Names(now, part))
        let pair = (Before: Text(Before, part, name), Now: Text(now, part, name))
        where pair.Before != pair.Now
        select $"{name}: {pair.Before}, now {pair.Now}"];

    private static IEnumerable<string> Names(JsonElement report, string part) =>
        Member(report, part) is { ValueKind: JsonValueKind.Object } section ? section.EnumerateObject().Select(p => p.Name) : [];

    private static string Text(JsonElement report, string part, string name) =>
        Member(report, part) is { } section && Member(section, name) is { } value ? value.ToString() : "not said";

    private static double? Value(JsonElement report, string path)
    {
        JsonElement? at = report;
        foreach (var name in path.Split('.'))
            at = at is { } within ? Member(within, name) : null;
        return at is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;
    }

    private static JsonElement? Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value : null;
}
