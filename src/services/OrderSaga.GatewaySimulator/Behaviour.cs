using Microsoft.AspNetCore.Http;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>How a call goes.</summary>
/// <param name="Errors">So many calls under its key are answered with an error first, and do nothing.</param>
/// <param name="IsSlow">It takes longer than anybody waits, and is done all the same.</param>
/// <param name="DeclineCode">The card is declined, for this.</param>
/// <param name="IsSilent">Instead of an error there is no answer at all.</param>
/// <param name="HangsUp">It is done, but the answer gets lost.</param>
internal sealed record Behaviour(int Errors = 0, bool IsSlow = false, string? DeclineCode = null, bool IsSilent = false, bool HangsUp = false)
{
    private static readonly Behaviour Good = new();

    /// <summary>It is not answered at once, or not at all. A declined card is an answer.</summary>
    public bool GoesWrong => Errors > 0 || IsSlow || IsSilent || HangsUp;

    /// <summary>
    /// The one place that decides how a call goes: by the plan of faults that the request brings along, if it is honoured, or by the
    /// token. Refunds come here too, without a token.
    /// </summary>
    public static Behaviour Of(HttpRequest request, string? token, bool honoursPlans) =>
        (honoursPlans ? Planned(PlannedFault.Read(request.Headers[PlannedFault.Header]), undo: token is null) : null) ?? ByToken(token);

    private static Behaviour? Planned(IEnumerable<PlannedFault> faults, bool undo) =>
        faults.FirstOrDefault(f => f.Step == PlannedFault.Gateway && FaultKind.IsOfUndo(f.Kind) == undo) is not { } fault ? null : fault.Kind switch
        {
            FaultKind.Refuse => new(DeclineCode: "fault_plan"),
            FaultKind.Throw or FaultKind.UndoThrow => new(Errors: fault.Times ?? int.MaxValue),
            FaultKind.Silent or FaultKind.UndoSilent => new(Errors: fault.Times ?? int.MaxValue, IsSilent: true),
            FaultKind.Late => new(IsSlow: true),
            FaultKind.Crash => new(HangsUp: true),
            _ => null, // an answer comes once over HTTP
        };

    private static Behaviour ByToken(string? token) => token switch
    {
        null or "tok_visa" => Good,
        "tok_error" => new(Errors: 2),
        "tok_slow" => new(IsSlow: true),
        "tok_declined" => new(DeclineCode: "card_declined"),
        _ => new(DeclineCode: "unknown_token"),
    };
}
