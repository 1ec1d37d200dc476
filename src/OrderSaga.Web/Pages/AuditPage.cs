using Microsoft.AspNetCore.Http;

namespace OrderSaga.Web.Pages;

/// <summary>Everything that operators did or tried to do, with why and what came of it.</summary>
internal sealed class AuditPage(AuditTrail trail, ShopWatch watch, TimeProvider time)
{
    public async Task<IResult> ShowAsync(HttpContext http, CancellationToken ct)
    {
        var wrong = new Dictionary<string, string[]>();
        var order = Question.Id(wrong, "order", http.Request.Query["order"].ToString().Trim());
        if (wrong.Count > 0 || await trail.ListAsync(order, Question.Given(http.Request.Query["page"]), ct).ConfigureAwait(false) is not { } found)
            return SignPages.Problem(400, "There is no such list", "Give the whole id of an order, or begin with the first page.");
        var now = time.GetUtcNow();
        return new Page("Who did what", Html.Of($"""
            {Page.Head("Who did what", Html.Of($"Every action of an operator, or what somebody tried; kept in the commit of the action itself, and never changed."), Page.Live(http, now))}
            <form class="bar" method="get" action="/console/audit" role="search"><label class="search">Order{Icon.Of("search")}<input id="search" name="order" value="{order?.ToString()}" placeholder="The whole id of an order"></label><button class="btn main">Search</button><a class="btn" href="/console/audit">Clear</a></form>
            <section class="card" id="audit" data-part>{Table(found.Items, now)}{(found.Next is null ? null : Html.Of($"""<footer class="pager"><span></span><a class="btn" rel="next" href="?page={Uri.EscapeDataString(found.Next)}{(order is null ? "" : $"&order={order}")}">Next page</a></footer>"""))}</section>
            """)) { Place = "audit", Waiting = (await watch.NowAsync(whole: false, ct).ConfigureAwait(false)).Waiting, Stamp = http.Request.Query.ContainsKey("page") ? null : $"{(found.Items.Count > 0 ? found.Items[0].Id : Guid.Empty)}" };
    }

    public static Html Table(IEnumerable<AuditLine> lines, DateTimeOffset now) => !lines.Any() ? Html.Of($"""<p class="empty">{Icon.Of("audit")}Nobody has done anything yet.</p>""") : Html.Of($"""
        <table class="list"><caption class="away">What operators did</caption><thead><tr><th scope="col">Time, UTC</th><th scope="col">Who</th><th scope="col">What and why</th><th scope="col">What came of it</th></tr></thead><tbody>
        {lines.Select(a => Html.Of($"""<tr><td class="nowrap">{Words.Moment(a.At, now)}</td><td class="wrap">{a.Actor}</td><td class="wrap full">{What(a)}{(a.Reason is null ? null : Html.Of($"""<span class="sub">"{a.Reason}"{(a.Evidence is null ? "" : $" Evidence: {a.Evidence}")}</span>"""))}</td><td>{a.Outcome}</td></tr>"""))}</tbody></table>
        """);

    private static Html What(AuditLine a)
    {
        var verb = a.Action switch { "cancel" => "Cancelled", "pause" => "Paused", "resume" => "Let go on", "retry" => "Retried", "resolve" => "Settled by hand", "replay" => "Replayed", "discard" => "Discarded", "resend" => "Sent again", var other => other };
        var order = a.OrderId is { } id ? Html.Of($"""<a class="mono" href="/console/orders/{id}">{Words.Short(id)}</a>""") : Html.None;
        return a.DeadLetterId is { } letter ? Html.Of($"""{verb} <a href="/console/letters/{letter}">a dead letter</a>{(a.OrderId is null ? null : Html.Of($" of {order}"))}""")
            : a.AlertId is not null ? Html.Of($"{verb} an alert{(a.OrderId is null ? null : Html.Of($" of {order}"))}")
            : Html.Of($"{verb}{(a.Step is null ? "" : $" the undo of {a.Step} of")} {order}");
    }
}
