using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace OrderSaga.Web.Pages;

/// <summary>
/// Tells the forms of this program's own pages from those of others: each carries a word that follows from a secret of the visitor's
/// browser, which no other site can read. The word looks different on every page, so that nothing is learnt from how pages compress.
/// </summary>
internal static class FormGuard
{
    /// <summary>The field of a form, or the header of a script.</summary>
    public const string Field = "form", Header = "X-Form";

    private const string Cookie = "ordersaga-visit";
    private const int Length = 32;
    private static readonly object Secret = new();

    /// <summary>The hidden field that every form that changes something holds.</summary>
    public static Html Hidden(HttpContext http) => Html.Of($"""<input type="hidden" name="{Field}" value="{Word(http)}">""");

    /// <summary>The word for this page.</summary>
    public static string Word(HttpContext http)
    {
        var (word, mask) = (Expected(http), RandomNumberGenerator.GetBytes(Length));
        var both = new byte[2 * Length];
        mask.CopyTo(both, 0);
        for (var i = 0; i < Length; i++)
            both[Length + i] = (byte)(word[i] ^ mask[i]);
        return Base64Url.EncodeToString(both);
    }

    /// <summary>Whether a request comes from a page of ours.</summary>
    public static bool Knows(HttpContext http, string? word)
    {
        var site = http.Request.Headers["Sec-Fetch-Site"].ToString();
        if (site is not ("" or "same-origin") || word is not { Length: > 0 and < 200 } || http.Request.Cookies[Cookie] is not { Length: > 0 } || !Base64Url.IsValid(word))
            return false;
        var both = Base64Url.DecodeFromChars(word);
        if (both.Length != 2 * Length)
            return false;
        for (var i = 0; i < Length; i++)
            both[Length + i] ^= both[i];
        return CryptographicOperations.FixedTimeEquals(both.AsSpan(Length), Expected(http));
    }

    private static byte[] Expected(HttpContext http)
    {
        if (http.Items[Secret] is not string secret)
        {
            secret = http.Request.Cookies[Cookie] ?? "";
            if (secret.Length == 0)
            {
                secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Length));
                http.Response.Cookies.Append(Cookie, secret, new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = http.Request.IsHttps, Path = "/" });
            }

            http.Items[Secret] = secret;
        }

        return HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), "a form of ours"u8);
    }
}
