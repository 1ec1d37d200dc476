using System.Data.Common;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web.Pages;

/// <summary>The pages: who may see them, and what becomes of them when something is wrong.</summary>
internal static class ConsolePages
{
    public static void AddPages(this IServiceCollection services)
    {
        services.AddResponseCompression(o => (o.EnableForHttps, o.MimeTypes) = (true, ["text/html"]));
        services.AddSingleton<ShopWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<ShopWatch>());
        services.AddSingleton<OverviewPage>();
        services.AddSingleton<OrdersPage>();
        services.AddSingleton<OrderPage>();
        services.AddSingleton<OrderPosts>();
        services.AddSingleton<HandPage>();
        services.AddSingleton<HandPosts>();
        services.AddSingleton<LettersPage>();
        services.AddSingleton<AuditPage>();
        services.AddSingleton<ShopPage>();
        services.AddSingleton<ShopOrderPage>();
    }

    public static void MapPages(this WebApplication app)
    {
        Asset.Map(app);
        SignPages.Map(app);
        app.MapGet("/", () => Results.Redirect("/console")).ExcludeFromDescription();
        var shop = Guarded(app, "/shop", ShopFrame.Page("One moment", Html.Of($"""<section class="card ticket"><h1>One moment, please</h1><p>We cannot look it up just now. Whatever you ordered is safe: load this page again in a few seconds.</p></section>"""), StatusCodes.Status503ServiceUnavailable));
        shop.MapGet("", (HttpContext http, ShopPage page) => page.Show(http));
        shop.MapPost("", (HttpContext http, ShopPage page, CancellationToken ct) => page.PlaceAsync(http, ct)).WithMetadata(new RateLimit.AnOrder());
        shop.MapGet("/orders/{orderId:guid}", (Guid orderId, HttpContext http, ShopOrderPage page, CancellationToken ct) => page.ShowAsync(orderId, http, ct));
        shop.MapPost("/orders/{orderId:guid}/cancel", (Guid orderId, HttpContext http, ShopOrderPage page, CancellationToken ct) => page.CancelAsync(orderId, http, ct));
        var look = Pages(app).ForConsole(toAct: false, SignPages.Refuse);
        look.MapGet("", (HttpContext http, OverviewPage page, CancellationToken ct) => page.ShowAsync(http, ct));
        look.MapGet("/orders", (HttpContext http, OrdersPage page, CancellationToken ct) => page.ShowAsync(http, ct));
        look.MapGet("/orders/{orderId:guid}", (Guid orderId, HttpContext http, OrderPage page, CancellationToken ct) => page.ShowAsync(orderId, http, ct));
        look.MapGet("/orders/{orderId:guid}/export", (Guid orderId, HttpContext http, OrderPage page, CancellationToken ct) => page.ExportAsync(orderId, http, ct));
        look.MapGet("/hand", (HttpContext http, HandPage page, CancellationToken ct) => page.ShowAsync(http, ct));
        look.MapGet("/letters", (HttpContext http, LettersPage page, CancellationToken ct) => page.ListAsync(http, ct));
        look.MapGet("/letters/{id:guid}", (Guid id, HttpContext http, LettersPage page, CancellationToken ct) => page.ShowAsync(id, http, ct));
        look.MapGet("/audit", (HttpContext http, AuditPage page, CancellationToken ct) => page.ShowAsync(http, ct));
        look.MapGet("/{**path}", () => SignPages.Problem(StatusCodes.Status404NotFound, "There is no such page", "Look at the address again, or begin with the overview."));
        MapActs(app);
    }

    private static void MapActs(WebApplication app)
    {
        var act = Pages(app).ForConsole(toAct: true, SignPages.Refuse);
        act.MapPost("/orders/{orderId:guid}/cancel", (Guid orderId, HttpContext http, OrderPosts posts, CancellationToken ct) => posts.CancelAsync(orderId, http, ct));
        act.MapPost("/orders/{orderId:guid}/pause", (Guid orderId, HttpContext http, OrderPosts posts, CancellationToken ct) => posts.PauseAsync(orderId, http, ct));
        act.MapPost("/orders/{orderId:guid}/resume", (Guid orderId, HttpContext http, OrderPosts posts, CancellationToken ct) => posts.ResumeAsync(orderId, http, ct));
        act.MapPost("/stuck/{orderId:guid}/{step}/retry", (Guid orderId, string step, HttpContext http, OrderPosts posts, CancellationToken ct) => posts.RetryAsync(orderId, step, http, ct));
        act.MapPost("/stuck/{orderId:guid}/{step}/resolve", (Guid orderId, string step, HttpContext http, OrderPosts posts, CancellationToken ct) => posts.ResolveAsync(orderId, step, http, ct));
        act.MapPost("/hand/retry", (HttpContext http, HandPosts posts, CancellationToken ct) => posts.RetryAsync(http, ct));
        act.MapPost("/letters/replay", (HttpContext http, HandPosts posts, CancellationToken ct) => posts.ReplayAsync(http, ct));
        act.MapPost("/letters/discard", (HttpContext http, HandPosts posts, CancellationToken ct) => posts.DiscardAsync(http, ct));
        act.MapPost("/letters/{id:guid}/replay", (Guid id, HttpContext http, HandPosts posts, CancellationToken ct) => posts.ReplayAsync(id, http, ct));
        act.MapPost("/letters/{id:guid}/discard", (Guid id, HttpContext http, HandPosts posts, CancellationToken ct) => posts.DiscardAsync(id, http, ct));
        act.MapPost("/alerts/{id:guid}/resend", (Guid id, HttpContext http, HandPosts posts, CancellationToken ct) => posts.ResendAsync(id, http, ct));
    }

    private static RouteGroupBuilder Pages(WebApplication app) => Guarded(app, "/console", SignPages.Problem(
        StatusCodes.Status503ServiceUnavailable, "The database does not answer", "Orders in flight are safe: they go on when it is back. Nothing was changed. Load this page again in a few seconds."));

    private static RouteGroupBuilder Guarded(WebApplication app, string under, Page away)
    {
        var pages = app.MapGroup(under).ExcludeFromDescription();
        pages.AddEndpointFilter(async (context, next) =>
        {
            try
            {
                return await next(context).ConfigureAwait(false);
            }
            catch (Exception e) when (e is DbException || Database.IsAway(e))
            {
                context.HttpContext.Response.Headers.RetryAfter = "5";
                return away;
            }
        });
        return pages;
    }
}
