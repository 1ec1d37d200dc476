using Microsoft.AspNetCore.Http;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>What happened to this order, where is it, what comes next, and where is the money?</summary>
internal sealed class OrderPage(Queries queries, ShopWatch watch, IBooks books, TimeProvider time)
{
    private const int Shown = 60;

    public async Task<IResult> ShowAsync(Guid orderId, HttpContext http, CancellationToken ct)
    {
        var (order, now) = (await queries.FileAsync(orderId, ct).ConfigureAwait(false), time.GetUtcNow());
        if (order is null)
            return SignPages.Problem(404, "There is no such order", $"No order has the id {orderId}. It may be that it was forgotten: 90 days after the last thing that happened to it, unless this shop keeps them for another time.");
        var moving = order.EndedAt is null && order.PausedAt is null;
        var stamp = $"{order.Log[^1].Seq}-{order.Stuck.Count(s => s.Status == "stuck")}{(moving ? $"-{now.ToUnixTimeSeconds()}" : "")}";
        if (Page.Unchanged(http, stamp) is { } same)
            return same;
        var content = (await queries.ContentAsync(orderId, ct).ConfigureAwait(false))!;
        var said = await books.OfOrderAsync(orderId, ct).ConfigureAwait(false);
        var story = new Story(order, queries.Table, now);
        var scaled = http.Request.Query["scale"] == "true";
        return new Page($"Order {Words.Short(orderId)}", Html.Of($"""
            <header class="head"><div><p class="small"><a href="/console/orders">Orders</a> / <span class="mono">{orderId}</span> <button class="lnk" data-copy="{orderId}" aria-label="Copy the number">{Icon.Of("copy")}</button></p>
            <h1 id="title" data-part>Order <span class="mono">{Words.Short(orderId)}</span>{Chips(order, now)}</h1></div>{Page.Live(http, now)}
            <div class="btns" id="acts" data-part><a class="btn" id="export" href="/console/orders/{orderId}/export">{Icon.Of("export")}Export JSON</a>{OrderActs.Of(http, order)}</div></header>
            <div id="wrong" data-part>{Wrong(http, story)}</div>
            {Facts(story, content)}
            <section class="card" id="where" data-part><header><h2>Where it is</h2><p>There and back: steps above, their undos below</p></header><div class="pad">{OrderPicture.Of(story).Draw()}</div></section>
            <section class="card" id="times" data-part><header><h2>Timeline</h2><p>{(scaled ? "True to scale" : "Long waits are folded; equal widths are not equal times")}</p><a class="push btn" href="?scale={(scaled ? "false" : "true")}#times">{(scaled ? "Fold long waits" : "True to scale")}</a></header>{new Timeline(story, !scaled).Draw(Name)}{Legend}</section>
            <div class="cols"><section class="card" id="money" data-part>{OrderCards.Money(story, said)}</section><section class="card" id="stock" data-part>{OrderCards.Stock(story, content, said)}</section></div>
            <section class="card" id="messages" data-part><header><h2>Messages</h2><p>Between the orchestrator and the services</p></header><div class="pad">{Sequence.Draw(story, books.ServiceOf)}</div></section>
            <section class="card" id="log" data-part>{Log(http, order)}</section>
            <section class="card" id="said" data-part>{OrderCards.Services(said, now)}</section>
            """)) { Place = "orders", Stamp = stamp, Waiting = (await watch.NowAsync(whole: false, ct).ConfigureAwait(false)).Waiting };
    }

    /// <summary>All that is known of the order, as a file.</summary>
    public async Task<IResult> ExportAsync(Guid orderId, HttpContext http, CancellationToken ct)
    {
        if (await queries.FileAsync(orderId, ct).ConfigureAwait(false) is not { } order)
            return SignPages.Problem(404, "There is no such order", $"No order has the id {orderId}.");
        Headers.Harden(http.Response);
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"order-{orderId}.json\"";
        var content = await queries.ContentAsync(orderId, ct).ConfigureAwait(false);
        return Results.Json(new { exportedAt = time.GetUtcNow(), order, content, services = await books.OfOrderAsync(orderId, ct).ConfigureAwait(false) }, contentType: "application/json");
    }

    private static Html Name(string name) => Html.Of($"{name}");

    private Html Chips(OrderFile order, DateTimeOffset now)
    {
        var stuck = order.Stuck.Count(s => s.Status == "stuck");
        return Html.Of($"""
            {Icon.StateChip(order.State, queries.States)}{(stuck > 0 ? Icon.Chip("stuck", "bad", $"{Words.Count(stuck, "undo")} stuck") : null)}{(order.PausedAt is null ? null : Icon.Chip("paused", "off", "paused"))}{(queries.IsSlow(order, now) ? Icon.Chip("slow", "warn", "slow") : null)}
            """);
    }

    private Html Wrong(HttpContext http, Story story)
    {
        var order = story.Order;
        var stuck = order.Stuck.Where(s => s.Status == "stuck").ToList();
        var turned = story.TurnedAt is null ? null : $"{story.TurnedOn ?? "The order"} {story.TurnedBy switch { "silent" => "did not answer", "refused" => "was refused", "faulted" => "failed", "out of time" => "took too long", _ => "was cancelled" }}{(order.Reason is { } reason ? $" ({reason})" : "")}, so this order is {(order.EndedAt is null ? "being undone" : "undone")}.";
        if (stuck.Count > 0)
            return Html.Join(stuck.Select(s => Html.Of($"""
                <div class="note bad">{Icon.Of("stuck")}<div><p class="strong">{turned} {UndoOf(s.Step) ?? s.Step} is stuck.</p><p>It failed after {Words.Count(s.Attempts, "try", "tries")}: {s.Error} {OrderActs.Meaning(s, queries.Table)}</p><p>{Advice.Of(s.Error)}</p>{(http.MayAct() ? OrderActs.OfStuck(http, s, UndoOf(s.Step) ?? s.Step) : null)}</div></div>
                """)));
        if (order.PausedAt is { } since)
            return Html.Of($"""<div class="note off">{Icon.Of("paused")}<div><p class="strong">Somebody holds this order since {Words.Clock(since)}.</p><p>Answers are recorded, nothing new is asked, and no time passes for it.{(order.CancelReason is null ? "" : " It is cancelled as soon as it goes on.")}</p></div></div>""");
        if (turned is null)
            return queries.IsSlow(order, story.Now) && order.WaitsFor is { } waits ? Slow(waits, story) : Html.None;
        return Html.Of($"""<div class="note {(order.EndedAt is null ? "back" : "off")}">{Icon.Of(order.EndedAt is null ? "undoing" : "undone")}<div><p class="strong">{turned}</p><p>{(order.EndedAt is null ? "What was done is undone backwards, one after the other." : "Nothing is left to do, and the customer was told.")}</p></div></div>""");
    }

    private Html Slow(string waits, Story story)
    {
        var then = UndoOf(waits) is null ? "It is asked until it answers: past this point no order turns back." : "It is asked again by itself; when its time is over, the order turns back and everything is undone. Nothing need be done here.";
        return Html.Of($"""<div class="note warn">{Icon.Of("slow")}<div><p class="strong">This order takes longer than {Words.Took(queries.SlowAfter)}: it waits for {waits}, of {books.ServiceOf(waits)}.</p><p>{then}</p></div></div>""");
    }

    private static Html Facts(Story story, OrderContent content)
    {
        var order = story.Order;
        return Html.Of($"""
            <dl class="band" id="facts" data-part><div><dt>Customer</dt><dd><a href="/console/orders?customer={Uri.EscapeDataString(content.CustomerId)}">{content.CustomerId}</a> {content.Email}</dd></div><div><dt>Total</dt><dd>{Words.Money(order.Total, order.Currency)}</dd></div>
            <div><dt>Began, UTC</dt><dd>{Words.Moment(order.StartedAt, story.Now)}</dd></div><div><dt>{(order.EndedAt is null ? "Age" : "Took")}</dt><dd>{(order.EndedAt is { } ended ? Html.Of($"{Words.Took(ended - order.StartedAt)}") : Words.Since(order.StartedAt, story.Now))}</dd></div>
            <div><dt>{(order.EndedAt is null ? "Waits for" : "Turned back at")}</dt><dd>{(order.EndedAt is null ? OrdersPage.WaitsFor(order) : story.TurnedOn is { } step ? $"{step}, {story.TurnedBy}" : "nowhere")}</dd></div>
            <div><dt>Ships to</dt><dd>{content.Address.Name}, {content.Address.Street}, {content.Address.PostalCode} {content.Address.City}, {content.Address.Country}{(content.GiftWrap ? ", as a gift" : "")}</dd></div>
            {(content.IdempotencyKey is null ? null : Html.Of($"""<div><dt>Client's key</dt><dd class="mono">{content.IdempotencyKey}</dd></div>"""))}{(content.Faults is null ? null : Html.Of($"""<div><dt>Faults on purpose</dt><dd class="mono">{content.Faults}</dd></div>"""))}</dl>
            """);
    }

    private static readonly Html Legend = Html.Of($"""
        <footer class="legend">{new[] { ("ok", "done"), ("wait", "asked, no answer"), ("bad", "failed"), ("back", "undone"), ("now", "asked now") }.Select(l => Html.Of($"""<span><svg aria-hidden="true"><rect class="bar-{l.Item1}" width="22" height="10" rx="2"/></svg>{l.Item2}</span>"""))}<span><svg aria-hidden="true"><line class="pause" x1="0" x2="22" y1="5" y2="5"/></svg>pause before the next try</span></footer>
        """);

    private Html Log(HttpContext http, OrderFile order)
    {
        var all = http.Request.Query["log"] == "all" || order.Log.Count <= Shown;
        var lines = all ? order.Log : [.. order.Log.TakeLast(Shown)];
        return Html.Of($"""
            <header><h2>Log</h2><p>{Words.Count(order.Log.Count, "entry", "entries")}, oldest first; nothing is ever changed or removed</p>{(all ? null : Html.Of($"""<a class="push" href="?log=all#log">Show all; these are the last {Shown}</a>"""))}</header>
            <div class="scroll"><table class="list"><caption class="away">Every message that was handled</caption><thead><tr><th scope="col">Time, UTC</th><th scope="col">What happened</th><th scope="col">Then asked</th><th scope="col" class="num">Try</th><th scope="col" class="num">Took</th><th scope="col">Who</th><th scope="col">Message</th></tr></thead><tbody>
            {lines.Select(Line)}</tbody></table></div>
            """);
    }

    private Html Line(LogLine line)
    {
        var (shape, tone) = LogWords.Sign(line);
        return Html.Of($"""
            <tr><th scope="row" class="nowrap">{Words.Exact(line.At)}</th><td class="wrap full"><div class="said"><span class="{tone}">{Icon.Of(shape)}</span><div>{LogWords.Of(line, UndoOf)}{(line.Key is null ? null : Html.Of($"""<span class="sub mono">{line.Key}</span>"""))}</div></div></td>
            <td data-name="Then asked">{line.Asks}</td><td class="num" data-name="Try">{(line.Attempt > 0 ? $"{line.Attempt}" : "")}</td><td class="num" data-name="Took">{(line.DurationMs is { } took ? Words.Took(took) : "")}</td><td>{line.Actor ?? (line.Status is "asked again" or "unheard" or "silent" or "out of time" ? "timer" : line.Status == "submitted" ? "customer" : "service")}</td>
            <td class="mono nowrap"><button class="lnk" data-copy="{line.MessageId}" title="{line.MessageId}">{line.MessageId.ToString("N")[..4]}…{line.MessageId.ToString("N")[28..]}</button></td></tr>
            """);
    }

    private string? UndoOf(string step) => queries.Table.FirstOrDefault(s => s.Name == step)?.Undo;
}
