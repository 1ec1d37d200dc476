using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.Http;

/// <summary>
/// Whoever has shown his key once is known by a cookie for a while: his name, until when, and a proof that only the holder of the key could
/// have had made. Nothing is kept of it: every process that has the key reads it, and with the key it ends.
/// </summary>
public static class OperatorSignIn
{
    private const string Cookie = "ordersaga-operator";
    private static readonly TimeSpan Lasts = TimeSpan.FromHours(12);

    // A browser goes by the clock on the wall, however the shop's is moved.
    private static readonly TimeProvider Wall = TimeProvider.System;

    /// <summary>Whether there are keys to sign in with.</summary>
    public static bool IsPossible(HttpContext http) => http.RequestServices.GetService<OperatorKeys>() is { Any: true };

    /// <summary>Signs in who has this key; false if nobody has.</summary>
    public static bool TrySignIn(HttpContext http, string key)
    {
        if (http.RequestServices.GetService<OperatorKeys>() is not { } keys || keys.HolderOf(key) is not { } holder)
            return false;
        var until = Wall.GetUtcNow() + Lasts;
        var claim = string.Create(CultureInfo.InvariantCulture, $"{Text(Encoding.UTF8.GetBytes(holder.Name))}.{until.ToUnixTimeSeconds()}.{Text(RandomNumberGenerator.GetBytes(12))}");
        // Of several keys of one name only the right one says so.
        var proof = keys.Prove(holder.Name, claim).First(p => p.Holder == holder).Proof;
        http.Response.Cookies.Append(Cookie, $"{claim}.{Text(proof)}", new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = http.Request.IsHttps, Path = "/console", MaxAge = Lasts });
        return true;
    }

    /// <summary>The browser forgets it.</summary>
    public static void SignOut(HttpContext http) => http.Response.Cookies.Delete(Cookie, new() { Path = "/console" });

    internal static OperatorKeys.Holder? HolderOf(HttpContext http, OperatorKeys keys)
    {
        if (http.Request.Cookies[Cookie]?.Split('.') is not [var name, var until, _, var proof] parts
            || !long.TryParse(until, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds <= Wall.GetUtcNow().ToUnixTimeSeconds()
            || !Base64Url.IsValid(name) || !Base64Url.IsValid(proof))
            return null;
        var shown = Base64Url.DecodeFromChars(proof);
        return keys.Prove(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(name)), string.Join('.', parts[..3]))
            .Where(p => CryptographicOperations.FixedTimeEquals(p.Proof, shown)).Select(p => p.Holder).FirstOrDefault();
    }

    private static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
