using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web.Pages;

/// <summary>Messages that could not be handled: by cause, one by one, and what is in each.</summary>
internal sealed class LettersPage(DeadLetterDesk desk, ShopWatch watch, TimeProvider time)
{
    // As it is; it becomes text of a page, and is encoded for that.
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public async Task<IResult> ListAsync(HttpContext http, CancellationToken ct)
    {
        string? Asked(string name) => Question.Given(http.Request.Query[name]);
        var wrong = new Dictionary<string, string[]>();
        var filter = new DeadLetterFilter(Asked("queue"), Asked("messageType"), Asked("cause"), Question.Id(wrong, "orderId", Asked("orderId")), null, Question.OneOf(wrong, "status", Asked("status") ?? DeadLetterStatus.Waiting, DeadLetterStatus.All));
        if (wrong.Count > 0 || await desk.ListAsync(filter, Asked("page"), ct).ConfigureAwait(false) is not { } found)
            return SignPages.Problem(400, "There is no such list", "The address of this page names something that is not there. Begin with all dead letters.");
        var now = time.GetUtcNow();
        var rest = http.Request.Query.Where(q => q.Key != "page").SelectMany(q => q.Value, (q, value) => KeyValuePair.Create(q.Key, value ?? ""));
        return new Page("Dead letters", Html.Of($"""
            <header class="head"><div><p class="small"><a href="/console/hand">Needs a hand</a> / dead letters</p><h1>Dead letters</h1><p>{string.Join(", ", new[] { filter.MessageType, filter.Cause, filter.Queue, filter.Status }.OfType<string>())}; the oldest first.</p></div></header>
            <section class="card">{Table(found.Items, now)}
            {(found.Next is null ? null : Html.Of($"""<footer class="pager"><span></span><a class="btn" rel="next" href="/console/letters{new QueryBuilder(rest.Append(KeyValuePair.Create("page", found.Next))).ToString()}">Next page</a></footer>"""))}</section>
            """)) { Place = "hand", Waiting = (await watch.NowAsync(whole: false, ct).ConfigureAwait(false)).Waiting };
    }

    public async Task<IResult> ShowAsync(Guid id, HttpContext http, CancellationToken ct)
    {
        if (await desk.FindAsync(id, ct).ConfigureAwait(false) is not { } l)
            return SignPages.Problem(404, "There is no such dead letter", $"No dead letter has the id {id}. Those that were decided about are kept for a while, then forgotten.");
        var now = time.GetUtcNow();
        return new Page("Dead letter", Html.Of($"""
            <header class="head" id="letter" data-part><div><p class="small"><a href="/console/hand">Needs a hand</a> / <a href="/console/letters">dead letters</a> / <span class="mono">{id}</span></p><h1>{l.MessageType ?? "Unknown message"}{(l.Status == DeadLetterStatus.Waiting ? Icon.Chip("stuck", "bad", l.Status) : Icon.Chip("undone", "off", l.Status))}</h1><p>{l.Error}</p></div>{(http.MayAct() && l.Status == DeadLetterStatus.Waiting ? Acts(http, $"/console/letters/{id}", l.Replayable) : null)}</header>
            <div class="note off">{Icon.Of("hand")}<div><p class="strong">What to do</p><p>{Advice.OfLetter(l.Cause)}</p></div></div>
            <dl class="band" id="facts" data-part><div><dt>Queue</dt><dd>{l.Queue}</dd></div><div><dt>Cause</dt><dd>{l.Cause}</dd></div><div><dt>Order</dt><dd>{Order(l.OrderId)}</dd></div><div><dt>First and last, UTC</dt><dd>{Words.Moment(l.Since, now)} and {Words.Moment(l.At, now)}, {Words.Count(l.Times, "time")}</dd></div><div><dt>Message id</dt><dd class="mono">{l.MessageId?.ToString()}</dd></div>{(l.SettledBy is null ? null : Html.Of($"""<div><dt>Decided by</dt><dd>{l.SettledBy}{(l.Reason is null ? "" : $": {l.Reason}")}</dd></div>"""))}</dl>
            <section class="card"><header><h2>Body</h2><p>{l.ContentType}, {Words.Count(l.Bytes, "byte")}; what is secret in it is not shown</p></header><pre class="code" tabindex="0">{Json(l.Body) ?? "It is not readable as text."}</pre></section>
            <section class="card"><header><h2>Headers</h2></header><pre class="code" tabindex="0">{Json(l.Headers)}</pre></section>
            {(l.Details is null ? null : Html.Of($"""<section class="card"><header><h2>Where it failed</h2></header><pre class="code" tabindex="0">{l.Details}</pre></section>"""))}
            """)) { Place = "hand", Waiting = (await watch.NowAsync(whole: false, ct).ConfigureAwait(false)).Waiting, Stamp = $"{l.Status}-{l.Times}" };
    }

    private static Html Table(IReadOnlyList<DeadLetterLine> lines, DateTimeOffset now) => lines.Count == 0 ? Html.Of($"""<p class="empty">{Icon.Of("done")}None.</p>""") : Html.Of($"""
        <table class="list"><caption class="away">Dead letters</caption><thead><tr><th scope="col">Last, UTC</th><th scope="col">Message</th><th scope="col">Error</th><th scope="col">Order</th><th scope="col" class="num">Times</th><th scope="col">Stands</th></tr></thead><tbody>
        {lines.Select(l => Html.Of($"""<tr><td class="nowrap">{Words.Moment(l.At, now)}</td><th scope="row" class="wrap"><a href="/console/letters/{l.Id}">{l.MessageType ?? "unknown"}</a></th><td class="wrap full">{l.Error}</td><td>{Order(l.OrderId)}</td><td class="num" data-name="Times">{l.Times}</td><td>{l.Status}</td></tr>"""))}</tbody></table>
        """);

    /// <summary>The kinds that wait, with what can be done to all of a kind.</summary>
    public static Html Kinds(HttpContext http, IReadOnlyList<DeadLetterKind> kinds, DateTimeOffset now) => Html.Of($"""
        <header><h2>Dead letters</h2>{(kinds.Count > 0 ? Html.Of($"""<span class="badge bad">{Words.Count(kinds.Sum(k => k.Count))}</span>""") : null)}<p>Messages that nobody could handle, by cause</p><a class="push" href="/console/letters?status=discarded">Those decided about</a></header>
        {(kinds.Count == 0 ? Html.Of($"""<p class="empty">{Icon.Of("done")}No message waits.</p>""") : Html.Of($"""
        <table class="list"><caption class="away">Kinds of dead letters</caption><thead><tr><th scope="col">Cause and next step</th><th scope="col">Queue</th><th scope="col" class="num">Messages</th><th scope="col">First, UTC</th><th scope="col">Last, UTC</th><th scope="col"></th></tr></thead><tbody>
        {kinds.Select((k, i) => Html.Of($"""<tr><th scope="row" class="wrap full"><a href="/console/letters{Query(k)}">{k.MessageType ?? "Unknown message"}: {k.Cause}</a><span class="sub">{Advice.OfLetter(k.Cause)}</span></th><td>{k.Queue}</td><td class="num" data-name="Messages">{Words.Count(k.Count)}</td><td class="nowrap">{Words.Moment(k.Oldest, now)}</td><td class="nowrap">{Words.Moment(k.Latest, now)}</td><td class="full">{(http.MayAct() ? Acts(http, "/console/letters", replayable: true, k, i) : null)}</td></tr>"""))}</tbody></table>
        """))}
        """);

    private static Html Acts(HttpContext http, string path, bool replayable, DeadLetterKind? kind = null, int number = 0)
    {
        var which = kind is null ? null : Html.Of($"""<input type="hidden" name="queue" value="{kind.Queue}"><input type="hidden" name="messageType" value="{kind.MessageType}"><input type="hidden" name="cause" value="{kind.Cause}"><input type="hidden" name="expected" value="{kind.Count}">""");
        var count = kind is null ? "" : $" {Words.Count(kind.Count)}";
        var batches = kind is null ? null : Html.Of($""" data-batches="{kind.Count}" """);
        return Html.Of($"""
            <div class="btns">{(replayable ? Html.Of($"""<form method="post" action="{path}/replay"{batches}>{FormGuard.Hidden(http)}{which}<button class="btn">Replay{count}</button><div class="progress" role="status" hidden><progress max="{kind?.Count ?? 1}" value="0"></progress><p></p></div></form>""") : null)}
            <details class="panel" id="discard-{number}"><summary class="btn bad">Discard{count}</summary><form class="form" method="post" action="{path}/discard">{FormGuard.Hidden(http)}{which}<p>Nobody will handle {(kind is null ? "it" : Words.Count(kind.Count, "message"))} any more. {(kind is null ? "It stays" : "They stay")} as a record, with your name and reason.</p><label>Reason<input name="reason" required minlength="{OrderActs.ShortestReason}" maxlength="{OpsApi.LongestText}"></label><p class="btns"><button class="btn bad">Discard{count}</button></p></form></details></div>
            """);
    }

    private static string Query(DeadLetterKind kind) => new QueryBuilder(new[] { ("queue", kind.Queue), ("messageType", kind.MessageType), ("cause", kind.Cause) }
        .Where(q => q.Item2 is not null).Select(q => KeyValuePair.Create(q.Item1, q.Item2!))).ToString();

    private static Html Order(Guid? id) => id is { } order ? Html.Of($"""<a class="mono" href="/console/orders/{order}">{Words.Short(order)}</a>""") : Html.None;

    private static string? Json(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : node?.ToJsonString(Indented);
}
