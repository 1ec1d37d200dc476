using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web.Pages;

/// <summary>A page, as a browser gets it.</summary>
/// <param name="Title">What the tab says.</param>
/// <param name="Main">What is on it.</param>
internal sealed record Page(string Title, Html Main) : IResult
{
    /// <summary>Its place in the console's navigation; none outside of it.</summary>
    public string? Place { get; init; }

    public int Status { get; init; } = 200;

    /// <summary>Changes with what the page shows: a script that asks again with it gets 304 while nothing has. None where nothing moves.</summary>
    public string? Stamp { get; init; }

    /// <summary>How many things wait for a person, for the navigation.</summary>
    public int Waiting { get; init; }

    /// <summary>The answer to a script that has seen all of it; so a page need not be made to find out that it is the same.</summary>
    public static Page? Unchanged(HttpContext http, string stamp) => http.Request.Headers.IfNoneMatch == Tag(http, stamp) ? new("", Html.None) { Stamp = stamp } : null;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        Headers.Harden(response);
        response.Headers.CacheControl = "no-store";
        if (Stamp is not null)
        {
            var tag = Tag(httpContext, Stamp);
            response.Headers.ETag = tag;
            if (httpContext.Request.Headers.IfNoneMatch == tag)
            {
                response.StatusCode = StatusCodes.Status304NotModified;
                return;
            }
        }

        response.StatusCode = Status;
        response.ContentType = "text/html; charset=utf-8";
        await response.WriteAsync(Whole(httpContext).ToString(), httpContext.RequestAborted).ConfigureAwait(false);
    }

    private static string Tag(HttpContext http, string stamp) => $"W/\"{Asset.Version}-{(http.MayAct() ? 'a' : 'r')}-{stamp}\"";

    private Html Whole(HttpContext http) => Html.Of($"""
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{Title} · OrderSaga</title>
        <link rel="stylesheet" href="{Asset.Style.Path}"><link rel="icon" href="{Asset.Icon.Path}"><script src="{Asset.Script.Path}" defer></script></head>
        <body{(Stamp is null ? null : Html.Of($""" data-live="{http.Response.Headers.ETag.ToString()}" """))}>
        <a class="skip" href="#main">Skip to content</a>
        {(Place is null ? Main : Console(http))}
        {Icon.Sprite}</body></html>
        """);

    private Html Console(HttpContext http) => Html.Of($"""
        <div class="app">
        <div class="top"><a class="brand" href="/console">{Icon.Of("brand")}OrderSaga</a><button class="btn" popovertarget="nav">{Icon.Of("menu")}Menu</button></div>
        <nav class="side" id="nav" popover aria-label="Console"><a class="brand" href="/console">{Icon.Of("brand")}OrderSaga</a>
        <div id="places" data-part>{Link("overview", "/console", "Overview")}{Link("orders", "/console/orders", "Orders")}{Link("hand", "/console/hand", "Needs a hand", Waiting)}{Link("audit", "/console/audit", "Who did what")}</div>
        <div class="who">{Link("shop", "/shop", "Shop page")}
        <div class="me small dim">{http.RequestServices.GetRequiredService<IHostEnvironment>().EnvironmentName}<br>{http.Operator()}, {(http.MayAct() ? "may act" : "may look, not act")}<br><button class="lnk" popovertarget="keys">Keys</button> <kbd>?</kbd> {SignOut(http)}</div></div></nav>
        <main id="main">{Main}</main></div>
        <div popover id="keys" class="dialog" role="dialog" aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2><dl class="facts">{Keys.Select(k => Html.Of($"<dt>{k.Key.Split(' ').Select(key => Html.Of($"<kbd>{key}</kbd> "))}</dt><dd>{k.What}</dd>"))}</dl>
        <p class="small dim">Nothing that changes an order has a key of its own. <button class="lnk" id="keys-off">Turn keys off</button></p></div>
        """);

    private static readonly (string Key, string What)[] Keys =
    [
        ("/", "Search"), ("g o", "Overview"), ("g l", "Orders"), ("g h", "Needs a hand"), ("g a", "Who did what"), ("j k", "Next, previous row"), ("Enter", "Open the row"),
        ("n", "Show newer rows"), ("e", "Export"), ("p", "Hold live updates"), ("Esc", "Close, leave a field"),
    ];

    private Html Link(string place, string path, string name, int badge = 0) => Html.Of($"""
        <a class="nav" href="{path}"{(place == Place ? Html.Of($""" aria-current="page" """) : null)}>{Icon.Of(place)}{name}{(badge > 0 ? Html.Of($"""<span class="badge bad">{Words.Count(badge)}<span class="away"> waiting</span></span>""") : null)}</a>
        """);

    private static Html? SignOut(HttpContext http) => OperatorSignIn.IsPossible(http)
        ? Html.Of($"""<form method="post" action="/console/sign-out" class="inline">{FormGuard.Hidden(http)}<button class="lnk">Sign out</button></form>""")
        : null;

    /// <summary>Whether a page is being looked at anew by its own script.</summary>
    public static Html Live(HttpContext http, DateTimeOffset now) => Html.Of($"""
        <p class="live" id="live" aria-live="off" data-now="{now.ToUnixTimeMilliseconds()}">{Icon.Of("live")}<span>As of {Words.Clock(now)}. <a href="{http.Request.GetEncodedPathAndQuery()}">Look again</a></span></p>
        """);

    /// <summary>A heading with what the page is about.</summary>
    public static Html Head(string title, Html about, Html? right = null) => Html.Of($"""<header class="head"><div><h1>{title}</h1><p>{about}</p></div>{right}</header>""");
}
