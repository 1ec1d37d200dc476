using System.Text.Json;
using System.Text.Json.Serialization;
using OrderSaga.Web.Pages;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>What was broken, and which promises were.</summary>
internal sealed record ChaosReport
{
    private static readonly JsonSerializerOptions Written = new(JsonSerializerOptions.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public required int Seed { get; init; }

    public required DateTimeOffset At { get; init; }

    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    public required IReadOnlyList<Broken> Faults { get; init; }

    public required IReadOnlyList<string> NotDone { get; init; }

    /// <summary>How many orders of each kind came to rest in which state.</summary>
    public required IReadOnlyList<Became> Orders { get; init; }

    /// <summary>How often processes were started again, requests sent again, and orders finished by a person.</summary>
    public required Again Again { get; init; }

    /// <summary>From when all was mended until every promise was kept, or it was given up.</summary>
    public required double SettledSeconds { get; init; }

    public required IReadOnlyList<Finding> Promises { get; init; }

    public required IReadOnlyCollection<string> NotChecked { get; init; }

    public int Violations => Promises.Sum(p => p.Count);

    public void Print(bool json)
    {
        if (json)
        {
            Output.Json(JsonSerializer.SerializeToElement(this, Written));
            return;
        }

        Console.WriteLine($"Seed {Seed}: {Orders.Sum(o => o.Count)} orders, {Faults.Count} faults; {Again.Processes} processes started again, {Again.Requests} requests sent again, {Again.ByHand} orders finished by hand");
        Console.WriteLine(FormattableString.Invariant($"Settled {SettledSeconds:0.0} s after all was mended"));
        Console.WriteLine();
        Output.Table(["FAULT", "TIMES"], Faults.CountBy(f => f.Family).OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => (IReadOnlyList<string>)[f.Key, $"{f.Value}"]));
        Console.WriteLine();
        Output.Table(["ORDERS", "CAME TO REST", ""], Orders.Select(o => (IReadOnlyList<string>)[o.Kind, o.State, $"{o.Count}"]));
        Console.WriteLine();
        Output.Table(["PROMISE", "BROKEN", "IF IT WERE"], Promises.Select(p => (IReadOnlyList<string>)[p.Name, $"{p.Count}", p.Meaning]));
        foreach (var promise in Promises.Where(p => p.Count > 0))
            Console.WriteLine($"{Environment.NewLine}{promise.Name}:{string.Concat(promise.Examples.Select(e => $"{Environment.NewLine}  {e}"))}");
        foreach (var (what, lines) in ((string, IEnumerable<string>)[])[("Not done", NotDone), ("Not checked", NotChecked), ("Faults that did not come off", Faults.Where(f => f.NotDone is not null).Select(f => $"{f.Family}: {f.NotDone}")), ("Settings", Settings.Select(s => $"{s.Key}: {s.Value}"))])
            if (lines.ToList() is { Count: > 0 } some)
                Console.WriteLine($"{Environment.NewLine}{what}:{string.Concat(some.Select(l => $"{Environment.NewLine}  {l}"))}");
        if (Violations > 0)
            Console.WriteLine($"{Environment.NewLine}{Violations} violations. The same faults again: --seed {Seed}");
    }
}

/// <summary>A fault that happened, or why it did not.</summary>
internal sealed record Broken(double Second, string Family, double Lasts, string? NotDone);

/// <summary>So many orders of a kind are in a state.</summary>
internal sealed record Became(string Kind, string State, int Count);

/// <summary>What had to be done again.</summary>
internal sealed record Again(int Processes, int Requests, int ByHand);
