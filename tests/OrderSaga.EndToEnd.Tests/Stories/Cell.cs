using System.Globalization;
using OrderSaga.Messaging.Steps;
using OrderSaga.Orchestrator;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>One row of the table and one way in which it can fail, with what follows from the rules alone.</summary>
internal sealed class Cell(Route route, int at, string kind)
{
    /// <summary>How often an undo fails before it is stuck.</summary>
    public const int Tries = 3;

    /// <summary>Every row in every way: a row that is added is here by being in the table.</summary>
    public static IReadOnlyList<Cell> All { get; } = [.. Every(OrchestratorRoom.Unhosted(new()).WholeRoute)];

    /// <summary>Nothing turns back from a row past the point of no return, nor for what only delays or repeats an answer.</summary>
    private bool Completes => Step.PastReturn || kind is FaultKind.Duplicate or FaultKind.Crash;

    /// <summary>For an undo to fail it has to be needed: the next step is refused, or where that changes nothing this one is answered too late.</summary>
    private bool IsFollowedByRefusal => IsStuck && !route[at + 1].PastReturn;

    /// <summary>What is undone last of all is the first row; first this one, or if it was refused the one before.</summary>
    private int LastUndone => kind == FaultKind.Refuse ? at - 1 : at;

    private RouteStep Step => route[at];

    public string Kind => kind;

    public string Name => Step.Name;

    /// <summary>Its undo never succeeds by itself, so a person has to see to it.</summary>
    public bool IsStuck => FaultKind.IsOfUndo(kind);

    public string State => Completes ? "Complete" : IsStuck ? "Failed" : "Compensated";

    /// <summary>The faults of the order.</summary>
    public string Plan => IsStuck ? $"{(IsFollowedByRefusal ? $"{route[at + 1].Name} refuse" : $"{Name} late")}, {Name} {kind} {Tries}"
        // Past the point of no return it is asked until it answers.
        : kind == FaultKind.Crash || (Step.PastReturn && kind is FaultKind.Throw or FaultKind.Silent) ? $"{Name} {kind} 1"
        : $"{Name} {kind}";

    /// <summary>Where the order comes to rest, and what everybody says of it then.</summary>
    public string Expected(decimal? total) => string.Join(" | ",
        $"{State} {Reason}".Trim(),
        string.Join(' ', route.Select((_, i) => StatusOf(i))),
        Completes ? "" : string.Join(", ", route.Take(LastUndone + 1).Reverse().Select(s => $"{s.Name} {(s == Step && IsStuck ? "stuck" : "undone")}")),
        Ledger(total),
        Completes ? kind == FaultKind.Refuse ? "" : "confirmation" : "apology");

    public override string ToString() => $"{Name} {kind}";

    private static IEnumerable<Cell> Every(Route route) =>
        from at in Enumerable.Range(0, route.Count) from kind in FaultKind.All where !(FaultKind.IsOfUndo(kind) && route[at].PastReturn) select new Cell(route, at, kind);

    private string? Reason => Completes ? null : kind switch
    {
        FaultKind.Refuse => "FAULT_PLAN",
        FaultKind.Throw => Decider.StepFaulted,
        FaultKind.Silent or FaultKind.Late => Decider.StepSilent,
        _ => IsFollowedByRefusal ? "FAULT_PLAN" : Decider.StepSilent,
    };

    private string StatusOf(int i) =>
        i == at && kind == FaultKind.Refuse ? "refused"
        : Completes ? "done"
        : i == at && IsStuck ? "stuck"
        : i <= LastUndone ? "undone"
        : i == at + 1 && IsFollowedByRefusal ? "refused"
        : "waiting";

    // Taken if the row of the charge came before, or was itself done in spite of all; given back with its undo.
    private string Ledger(decimal? total)
    {
        var charge = route.IndexOf("ChargePayment");
        var taken = Completes || at > charge || (at == charge && (kind == FaultKind.Late || IsStuck));
        var kept = Completes || (at == charge && IsStuck);
        return taken ? string.Create(CultureInfo.InvariantCulture, $"charged {total:0.00}, refunded {(kept ? 0 : total):0.00}") : "";
    }
}
