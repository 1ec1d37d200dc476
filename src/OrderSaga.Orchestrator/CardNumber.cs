using System.Text;
using System.Text.RegularExpressions;
using OrderSaga.Messaging.DeadLetters;

namespace OrderSaga.Orchestrator;

/// <summary>Keeps card numbers out of dead letters, whatever became of the message.</summary>
public sealed class ForbidsCardNumbers : IForbidsBodies
{
    public bool Forbids(ReadOnlySpan<byte> body) => CardNumber.IsInId(Encoding.UTF8.GetString(body));
}

/// <summary>
/// Finds card numbers where none belong: 13 to 19 digits that pass the Luhn check, with or without spaces and dashes between them. Every
/// tenth number passes it, so where numbers of that length are usual, more is asked.
/// </summary>
internal static partial class CardNumber
{
    private const int Shortest = 13, Longest = 19;

    /// <summary>In a text that people write, or a token: no other number of that length has anything to say there.</summary>
    public static bool IsIn(string? text) => Candidates(text).Any(PassesLuhn);

    /// <summary>In an id, which may well be a long number (of a product, a customer): there it must also begin, and be as long, as cards are.</summary>
    public static bool IsInId(string? text) => Candidates(text).Any(digits => PassesLuhn(digits) && Networks.IsMatch(digits));

    // Any row of neighbouring groups of digits may be one. What touches a letter is part of something else, such as a token or a hash.
    private static IEnumerable<string> Candidates(string? text)
    {
        foreach (Match row in Rows.Matches(Guids.Replace(text ?? "", "x")))
        {
            var groups = row.Value.Split([' ', '-'], StringSplitOptions.RemoveEmptyEntries);
            for (var first = 0; first < groups.Length; first++)
            {
                var digits = "";
                for (var next = first; next < groups.Length && digits.Length + groups[next].Length <= Longest; next++)
                {
                    digits += groups[next];
                    if (digits.Length >= Shortest)
                        yield return digits;
                }
            }
        }
    }

    private static bool PassesLuhn(string digits)
    {
        var sum = 0;
        for (var i = 0; i < digits.Length; i++)
        {
            var digit = digits[^(i + 1)] - '0';
            sum += i % 2 == 0 ? digit : digit * 2 > 9 ? (digit * 2) - 9 : digit * 2;
        }

        return sum % 10 == 0;
    }

    [GeneratedRegex(@"(?<![\p{L}\d])\d(?:[ -]*\d)*(?![\p{L}\d])")]
    private static partial Regex Rows { get; }

    // Their groups can all be digits, and are no card.
    [GeneratedRegex(@"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", RegexOptions.IgnoreCase)]
    private static partial Regex Guids { get; }

    // Visa, Mastercard, American Express, Diners Club, JCB, and what begins with 6 (Discover, UnionPay, Maestro). Without Visa's old 13
    // digits, which would forbid the numbers (EAN) of products that begin with 4.
    [GeneratedRegex(@"^(?:4\d{15}|4\d{18}|5\d{15}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6\d{15,18})$")]
    private static partial Regex Networks { get; }
}
