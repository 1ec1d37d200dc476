using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>What could the program not finish alone, what should I do, and who did what before?</summary>
internal sealed class HandPage(Queries queries, DeadLetterDesk letters, AlertDesk alerts, AuditTrail trail, ShopWatch watch, TimeProvider time)
{
    private const int Audited = 8, Examples = 3;

    public async Task<IResult> ShowAsync(HttpContext http, CancellationToken ct)
    {
        var wrong = new Dictionary<string, string[]>();
        var step = Question.OneOf(wrong, "step", Question.Given(http.Request.Query["step"]), queries.Steps);
        var filter = new StuckFilter(step);
        if (wrong.Count > 0 || await queries.StuckAsync(filter, Question.Given(http.Request.Query["page"]), ct).ConfigureAwait(false) is not { } stuck)
            return SignPages.Problem(400, "There is no such list", "The address of this page names a step or a page that is not there. Begin with the whole list.");
        var all = await queries.StuckAtRestAsync(filter, page: null, Examples, ct).ConfigureAwait(false);
        var kinds = await letters.KindsAsync(new(Status: DeadLetterStatus.Waiting), ct).ConfigureAwait(false);
        var lost = await alerts.ListAsync(orderId: null, AlertState.GivenUp, page: null, ct).ConfigureAwait(false);
        var done = await trail.ListAsync(orderId: null, page: null, ct).ConfigureAwait(false);
        var (now, shop) = (time.GetUtcNow(), await watch.NowAsync(whole: false, ct).ConfigureAwait(false));
        return new Page("Needs a hand", Html.Of($"""
            {Page.Head("Needs a hand", Html.Of($"What the program could not finish alone. Everything else goes on meanwhile.{(http.MayAct() ? "" : " You may look, not act.")}"), Page.Live(http, now))}
            <section class="card" id="stuck"><div id="stuck-head" data-part>{Head(shop, stuck, step)}</div>{Bulk(http, all!, step)}<div id="stuck-list" data-part>{stuck.Items.Select(s => Stuck(http, s, now))}</div>{(stuck.Next is null ? null : Html.Of($"""<footer class="pager"><span></span><a class="btn" href="?page={Uri.EscapeDataString(stuck.Next)}">Next page</a></footer>"""))}</section>
            <section class="card" id="letters" data-part>{LettersPage.Kinds(http, kinds, now)}</section>
            {(lost is { Items.Count: > 0 } ? Html.Of($"""<section class="card" id="alerts" data-part>{Alerts(http, lost.Items, now)}</section>""") : null)}
            <section class="card" id="audit" data-part><header><h2>Who did what</h2><a class="push" href="/console/audit">All entries</a></header>{AuditPage.Table(done!.Items.Take(Audited), now)}</section>
            """)) { Place = "hand", Waiting = shop.Waiting, Stamp = Stamp(stuck, kinds, lost!, done.Items) };
    }

    private static string Stamp(Page<StuckLine> stuck, IEnumerable<DeadLetterKind> kinds, Page<AlertLine> lost, IReadOnlyList<AuditLine> done) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join(';', stuck.Items.Select(s => $"{s.OrderId}{s.Step}{s.Status}{s.Attempts}{s.State}").Concat(kinds.Select(k => string.Create(CultureInfo.InvariantCulture, $"{k.Cause}{k.Queue}{k.MessageType}{k.Count}"))).Append($"{lost.Items.Count}{(done.Count > 0 ? done[0].Id : Guid.Empty)}")))), 0, 8);

    private Html Head(ShopNow shop, Page<StuckLine> stuck, string? step) => Html.Of($"""
        <header><h2>Stuck undos</h2>{(shop.Summary.Stuck > 0 ? Html.Of($"""<span class="badge bad">{Words.Count(shop.Summary.Stuck)}</span>""") : null)}<p>The oldest first.</p>
        <form class="push btns" method="get" action="/console/hand"><label class="away" for="step">Step</label><select id="step" name="step"><option value="">All steps</option>{queries.Table.Where(s => s.Undo is not null).Select(s => Html.Of($"""<option value="{s.Name}"{(s.Name == step ? " selected" : "")}>{s.Undo}</option>"""))}</select><button class="btn">Show</button></form></header>
        {(stuck.Items.Count > 0 ? null : Html.Of($"""<p class="empty">{Icon.Of("done")}Nothing needs a hand{(step is null ? "" : " of this kind")}.</p>"""))}
        """);

    // Many at once: one first, and more only while all goes well.
    private static Html? Bulk(HttpContext http, Page<StuckLine> all, string? step) => !http.MayAct() || all.Matched is not (>= 2 and var count) ? null : Html.Of($"""
        <details class="many" id="many"><summary class="btn">Retry {Words.Count(count)} in growing batches</summary><form class="form" method="post" action="/console/hand/retry" data-batches="{count}">{FormGuard.Hidden(http)}<input type="hidden" name="step" value="{step}"><input type="hidden" name="expected" value="{count}">
        <p>{Words.Count(count, "stuck undo")}{(step is null ? "" : $" of {step}")} of orders that came to rest, such as {string.Join(", ", all.Items.Select(s => Words.Short(s.OrderId)))}, in batches of 1, 2, 5, 20, 20 and so on. A batch begins when the one before is wholly answered; the first failure stops it. It goes on while this page is open; what was not tried stays stuck.</p>
        <label>Reason<input name="reason" required minlength="{OrderActs.ShortestReason}" maxlength="{OpsApi.LongestText}" placeholder="The gateway is well again"></label>
        <p class="btns"><button class="btn main">Retry {Words.Count(count)}</button><button class="btn" type="button" data-stop hidden>Stop after this batch</button></p><div class="progress" role="status" hidden><progress max="{count}" value="0"></progress><p></p></div></form></details>
        """);

    private Html Stuck(HttpContext http, StuckLine s, DateTimeOffset now)
    {
        var undo = queries.Table.FirstOrDefault(t => t.Name == s.Step)?.Undo ?? s.Step;
        return Html.Of($"""
            <details class="stuck" id="s{s.OrderId}-{s.Step}"><summary>{Icon.Of("more")}<span class="mono strong">{Words.Short(s.OrderId)}</span><span>{undo}</span><span class="wrap why">{s.Error}</span><span class="num">{(s.Total is null ? "" : Words.Money(s.Total, s.Currency))}</span><span class="num">{Words.Since(s.Since, now)}</span><span>{(s.Status == "retrying" ? Icon.Chip("undoing", "back", "retrying") : Icon.Chip("stuck", "bad", Words.Count(s.Attempts, "try", "tries")))}</span></summary>
            <div class="cols"><div><h3>What happened</h3><p>{undo} failed after {Words.Count(s.Attempts, "try", "tries")}, the last time with: {s.Error} {OrderActs.Meaning(s, queries.Table)}</p><h3 class="gap">What to do</h3><p>{Advice.Of(s.Error)}</p></div>
            <dl class="facts"><dt>Order</dt><dd><a class="mono" href="/console/orders/{s.OrderId}">{s.OrderId}</a></dd><dt>Key</dt><dd class="mono">saga:{s.OrderId}:{undo}</dd><dt>Order is</dt><dd>{Icon.StateChip(s.State, queries.States)}</dd><dt>Customer</dt><dd>{s.Customer}</dd><dt>Stuck since</dt><dd>{Words.Moment(s.Since, now)} UTC</dd></dl></div>
            {(http.MayAct() && s.Status == "stuck" ? OrderActs.OfStuck(http, s, undo) : null)}</details>
            """);
    }

    private static Html Alerts(HttpContext http, IReadOnlyList<AlertLine> lost, DateTimeOffset now) => Html.Of($"""
        <header><h2>Alerts that did not arrive</h2><span class="badge bad">{lost.Count}</span></header><table class="list"><caption class="away">Alerts that nobody took</caption><thead><tr><th scope="col">Since, UTC</th><th scope="col">What</th><th scope="col">Why not</th><th scope="col"></th></tr></thead><tbody>
        {lost.Select(a => Html.Of($"""<tr><td class="nowrap">{Words.Moment(a.At, now)}</td><td class="wrap full">{a.Alert}</td><td class="wrap full">{a.Error}</td><td>{(http.MayAct() ? Html.Of($"""<form method="post" action="/console/alerts/{a.Id}/resend">{FormGuard.Hidden(http)}<button class="btn">Send again</button></form>""") : null)}</td></tr>"""))}</tbody></table>
        """);
}
