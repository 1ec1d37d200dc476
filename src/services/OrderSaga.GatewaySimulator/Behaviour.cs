using Microsoft.AspNetCore.Http;

namespace OrderSaga.Services;

/// <summary>How a call goes.</summary>
/// <param name="Errors">So many calls under its key are answered with an error first, and do nothing.</param>
/// <param name="IsSlow">It takes longer than anybody waits, and is done all the same.</param>
/// <param name="DeclineCode">The card is declined, for this.</param>
internal sealed record Behaviour(int Errors = 0, bool IsSlow = false, string? DeclineCode = null)
{
    private static readonly Behaviour Good = new();

    /// <summary>
    /// The one place that decides how a call goes, charges by their token. A plan of faults that a request brings along in a header
    /// belongs here, before what the token says; refunds come here too, without a token.
    /// </summary>
    public static Behaviour Of(HttpRequest request, string? token) => token switch
    {
        null or "tok_visa" => Good,
        "tok_error" => new(Errors: 2),
        "tok_slow" => new(IsSlow: true),
        "tok_declined" => new(DeclineCode: "card_declined"),
        _ => new(DeclineCode: "unknown_token"),
    };
}
