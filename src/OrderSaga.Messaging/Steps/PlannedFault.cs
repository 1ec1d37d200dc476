using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrderSaga.Messaging.Steps;

/// <summary>Something that is to go wrong with a step, on purpose: for tests and demonstrations.</summary>
/// <param name="Step">The step, by the name of its command, or <see cref="Gateway"/>.</param>
/// <param name="Kind">One of <see cref="FaultKind"/>.</param>
/// <param name="Times">How many attempts it hits; all, if it is not said.</param>
/// <param name="Seconds">For <see cref="FaultKind.Late"/>: how long the answer is held back. Set by whoever asks.</param>
public sealed record PlannedFault(
    string Step,
    string Kind,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Times = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Seconds = null)
{
    /// <summary>The header of a command that says what is to go wrong with it.</summary>
    public const string Header = "faults";

    /// <summary>What stands behind the payment service: it goes by the attempts that reach it.</summary>
    public const string Gateway = "Gateway";

    public static IReadOnlyList<PlannedFault> Read(string? json) =>
        string.IsNullOrEmpty(json) ? [] : JsonSerializer.Deserialize<IReadOnlyList<PlannedFault>>(json, JsonSerializerOptions.Web) ?? [];

    public static string? Write(IReadOnlyCollection<PlannedFault> faults) => faults.Count == 0 ? null : JsonSerializer.Serialize(faults, JsonSerializerOptions.Web);
}

/// <summary>What can be made to go wrong.</summary>
public static class FaultKind
{
    /// <summary>A business no, with the reason FAULT_PLAN; nothing is done.</summary>
    public const string Refuse = "refuse";

    /// <summary>It breaks before anything is done.</summary>
    public const string Throw = "throw";

    /// <summary>Nothing is done, and nobody answers.</summary>
    public const string Silent = "silent";

    /// <summary>It is done, but answered only after the step's time.</summary>
    public const string Late = "late";

    /// <summary>It is answered twice.</summary>
    public const string Duplicate = "duplicate";

    /// <summary>The process dies after it was done, before it is answered.</summary>
    public const string Crash = "crash";

    /// <summary>Its undo breaks before anything is undone.</summary>
    public const string UndoThrow = "undo-throw";

    /// <summary>Its undo does nothing, and nobody answers.</summary>
    public const string UndoSilent = "undo-silent";

    public static IReadOnlyList<string> All { get; } = [Refuse, Throw, Silent, Late, Duplicate, Crash, UndoThrow, UndoSilent];

    public static bool IsOfUndo(string kind) => kind is UndoThrow or UndoSilent;
}

/// <summary>Whether this process honours faults that are planned for an order; not, unless it is configured.</summary>
public sealed record FaultPlans(bool Honoured);
