using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web.Pages;

/// <summary>Signing in to the console with an operator's key, and out.</summary>
internal static partial class SignPages
{
    private const string Start = "/console";

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/console/sign-in", (HttpContext http, string? then) => Show(http, then)).ExcludeFromDescription();
        app.MapPost("/console/sign-in", (Delegate)SignInAsync).ExcludeFromDescription();
        app.MapPost("/console/sign-out", (Delegate)SignOutAsync).ExcludeFromDescription();
    }

    /// <summary>Sends who is not known to sign in, and shows everybody else why not.</summary>
    public static IResult Refuse(HttpContext http, int status, string why) => status == 401
        ? Results.Redirect($"/console/sign-in?then={Uri.EscapeDataString(HttpMethods.IsGet(http.Request.Method) ? $"{http.Request.Path}{http.Request.QueryString}" : Start)}")
        : Problem(status, "You may not do this", why);

    /// <summary>What is wrong, as a page.</summary>
    public static Page Problem(int status, string title, string why) => new(title, Html.Of($"""
        <main id="main" class="alone"><section class="card"><h1>{title}</h1><p>{why}</p><p><a href="{Start}">Overview</a></p></section></main>
        """)) { Status = status };

    private static Page Show(HttpContext http, string? then, string? wrong = null) => new("Sign in", Html.Of($"""
        <main id="main" class="alone"><form class="card" method="post" action="/console/sign-in"><p class="brand">{Icon.Of("brand")}OrderSaga</p><h1>Sign in</h1>
        {(OperatorSignIn.IsPossible(http) ? null : Html.Of($"<p>There is no key to sign in with. Set Ops:ApiKey, or Ops:Actors and Ops:Readers.</p>"))}
        {FormGuard.Hidden(http)}<input type="hidden" name="then" value="{then}">
        <label>Your key<input type="password" name="key" autocomplete="current-password" required autofocus{(wrong is null ? null : Html.Of($""" aria-invalid="true" aria-describedby="wrong" """))}></label>
        {(wrong is null ? null : Html.Of($"""<p class="wrong" id="wrong">{wrong}</p>"""))}
        <button class="btn main">Sign in</button><p class="small dim">The key is one of Ops:ApiKey, Ops:Actors or Ops:Readers. You stay signed in for 12 hours on this browser.</p></form></main>
        """)) { Status = wrong is null ? 200 : 401 };

    private static async Task<IResult> SignInAsync(HttpContext http)
    {
        if (await Forms.ReadAsync(http).ConfigureAwait(false) is not { } form)
            return Forms.Refused;
        var then = form["then"].ToString();
        if (!OperatorSignIn.TrySignIn(http, form["key"].ToString().Trim()))
            return Show(http, then, "Nobody has this key.");
        // Only to pages of the console, never to another site.
        return Results.Redirect(Of.IsMatch(then) ? then : Start);
    }

    private static async Task<IResult> SignOutAsync(HttpContext http)
    {
        if (await Forms.ReadAsync(http).ConfigureAwait(false) is null)
            return Forms.Refused;
        OperatorSignIn.SignOut(http);
        return Results.Redirect("/console/sign-in");
    }

    [GeneratedRegex(@"^/console(?:[/?][\w/?&=%.,:+@~-]*)?$")]
    private static partial Regex Of { get; }
}
