using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using OrderSaga.Messaging;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>Which orders match what somebody knows: a number, an e-mail address, a product, a state, an age, a reason?</summary>
internal sealed class OrdersPage(Queries queries, ShopWatch watch, TimeProvider time)
{
    private static readonly string[] Statuses = ["Processing", "Completed", "Cancelled", "NeedsAttention"], Ages = ["30s", "5m", "1h", "1d"];
    private static readonly string[] Reasons = ["CARD_DECLINED", "OUT_OF_STOCK", "PRICE_CHANGED", "STEP_SILENT", "STEP_FAULTED", "OUT_OF_TIME", "CANCELLED", "FAULT_PLAN", "NO_DELIVERY_SLOT", "FRAUD_SUSPECTED"];

    public async Task<IResult> ShowAsync(HttpContext http, CancellationToken ct)
    {
        var asked = http.Request.Query;
        string? Asked(string name) => Question.Given(asked[name].ToString().Trim());
        if (Guid.TryParse(Asked("q"), out var id) && await queries.FindAsync(id, ct).ConfigureAwait(false) is not null)
            return Results.Redirect($"/console/orders/{id}");
        var wrong = new Dictionary<string, string[]>();
        var filter = new OrderFilter(
            Question.OneOf(wrong, "state", Asked("state"), queries.States), Question.OneOf(wrong, "status", Asked("status"), Statuses), Question.Age(wrong, "olderThan", Asked("olderThan")),
            Question.OneOf(wrong, "step", Asked("step"), queries.Steps), Asked("customer"), Question.Flag(wrong, "paused", Asked("paused")), Question.Flag(wrong, "archived", Asked("archived")) ?? false,
            Asked("reason"), Asked("q"));
        var page = wrong.Count > 0 ? null : await queries.ListAsync(filter, Asked("page"), ct).ConfigureAwait(false);
        var (now, shop) = (time.GetUtcNow(), await watch.NowAsync(whole: false, ct).ConfigureAwait(false));
        var about = wrong.Count > 0 ? string.Join(" ", wrong.Select(w => $"{w.Key}: {w.Value[0]}")) : page is null ? "There is no such page any more: begin with the first." : null;
        // A search by hand looks through many orders: it is not done again every second.
        var stamp = about is null && !filter.Looks && Asked("page") is null ? Stamp(page!, now) : null;
        if (stamp is not null && Page.Unchanged(http, stamp) is { } same)
            return same;
        return new Page("Orders", Html.Of($"""
            {Page.Head("Orders", Html.Of($"Those under way first, the youngest on top; then those that ended."), Page.Live(http, now))}
            {Search(Asked)}
            {(about is null ? null : Html.Of($"""<div class="note bad">{Icon.Of("faulted")}<div><p class="strong">This cannot be searched for</p><p>{about}</p></div></div>"""))}
            <section class="card">{List(page, filter, now)}{Pager(http, page, filter)}</section>
            """)) { Place = "orders", Stamp = stamp, Waiting = shop.Waiting, Status = about is null ? 200 : 400 };
    }

    public static string WaitsFor(OrderSummary order) => order.WaitsFor is null ? "" : order.Attempt > 1 ? $"{order.WaitsFor}, try {order.Attempt}" : order.WaitsFor;

    private string Stamp(Page<OrderSummary> page, DateTimeOffset now) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(';', page.Items.Select(o =>
        string.Create(CultureInfo.InvariantCulture, $"{o.OrderId}{o.UpdatedAt.UtcTicks}{o.State}{o.PausedAt is not null}{queries.IsSlow(o, now)}"))))), 0, 8);

    private Html Search(Func<string, string?> asked)
    {
        Html Select(string name, string label, IEnumerable<string> values) => Html.Of($"""
            <label>{label}<select name="{name}"><option value="">any</option>{values.Append(asked(name)).OfType<string>().Distinct().Select(v => Html.Of($"""<option{(v == asked(name) ? " selected" : "")}>{v}</option>"""))}</select></label>
            """);
        return Html.Of($"""
            <form class="bar" method="get" action="/console/orders" role="search">
            <label class="search">Number, e-mail, product, name{Icon.Of("search")}<input id="search" type="search" name="q" value="{asked("q")}" maxlength="100" placeholder="7F4E-91C2, anna@example.org, sku-apple" autocomplete="off"><kbd>/</kbd></label>
            {Select("state", "State", queries.States)}{Select("status", "Status", Statuses)}{Select("step", "Waits for", queries.Steps)}{Select("olderThan", "Older than", Ages)}
            <label>Reason<input name="reason" list="reasons" value="{asked("reason")}" maxlength="100" placeholder="any"></label><datalist id="reasons">{Reasons.Select(r => Html.Of($"<option>{r}</option>"))}</datalist>
            {Select("paused", "Paused", ["true", "false"])}{Select("archived", "Archived", ["true"])}
            {(asked("customer") is { } customer ? Html.Of($"""<label>Customer<input name="customer" value="{customer}"></label>""") : null)}
            <button class="btn main">Search</button><a class="btn" href="/console/orders">Clear</a></form>
            """);
    }

    private Html List(Page<OrderSummary>? page, OrderFilter filter, DateTimeOffset now) => page is null or { Items.Count: 0 } ? Html.Of($"""
        <button class="newer" id="newer" hidden></button><div id="rows" data-part="rows"></div>
        <div class="empty"><p>{(page?.Next is null ? filter.Archived ? "No archived order matches." : "No order matches." : "None so far.")}</p><p class="dim">{(filter.Archived ? "" : "Orders that ended a day ago or more are archived: search with Archived set to true.")}</p></div>
        """) : Html.Of($"""
        <button class="newer" id="newer" hidden></button>
        <table class="list"><caption class="away">Orders</caption><thead><tr><th scope="col">Order</th><th scope="col">State</th><th scope="col">Customer</th><th scope="col" class="num">Total</th><th scope="col">Waits for, or why</th><th scope="col">Began, UTC</th><th scope="col" class="num">Age or time taken</th></tr></thead>
        <tbody id="rows" data-part="rows">{page.Items.Select(o => Row(o, now))}</tbody></table>
        """);

    private Html Row(OrderSummary o, DateTimeOffset now) => Html.Of($"""
        <tr id="o{o.OrderId}"><th scope="row" class="nowrap"><a class="mono" href="/console/orders/{o.OrderId}">{Words.Short(o.OrderId)}</a></th>
        <td>{Icon.StateChip(o.State, queries.States)} {(o.PausedAt is null ? null : Icon.Chip("paused", "off", "paused"))} {(queries.IsSlow(o, now) ? Icon.Chip("slow", "warn", "slow") : null)}</td>
        <td class="wrap"><a href="/console/orders?customer={Uri.EscapeDataString(o.Customer)}">{o.Customer}</a></td><td class="num">{(o.Total is null ? "" : Words.Money(o.Total, o.Currency))}</td>
        <td class="wrap full">{(o.EndedAt is null ? WaitsFor(o) : "")} {(o.Reason is { } reason ? Html.Of($"""<a class="mono small" href="/console/orders?reason={Uri.EscapeDataString(reason)}">{reason}</a>""") : null)}</td>
        <td class="nowrap">{Words.Moment(o.StartedAt, now)}</td><td class="num">{(o.EndedAt is { } ended ? Html.Of($"{Words.Took(ended - o.StartedAt)}") : Words.Since(o.StartedAt, now))}</td></tr>
        """);

    private static Html Pager(HttpContext http, Page<OrderSummary>? page, OrderFilter filter)
    {
        var rest = http.Request.Query.Where(q => q.Key != "page").SelectMany(q => q.Value, (q, value) => KeyValuePair.Create(q.Key, value ?? ""));
        var first = new QueryBuilder(rest).ToString();
        var next = page?.Next is { } mark ? new QueryBuilder(rest.Append(KeyValuePair.Create("page", mark))).ToString() : null;
        var looked = next is not null && filter.Looks && page!.Items.Count < 50;
        return Html.Of($"""
            <footer class="pager"><span>{Words.Count(page?.Items.Count ?? 0, "order")} on this page.{(looked ? " The last 20,000 that ended were looked through for it." : "")}</span>
            <span class="btns">{(http.Request.Query.ContainsKey("page") ? Html.Of($"""<a class="btn" href="/console/orders{first}">First page</a>""") : null)}{(next is null ? null : Html.Of($"""<a class="btn" rel="next" href="/console/orders{next}">{(looked ? "Look further back" : "Next page")}</a>"""))}</span></footer>
            """);
    }
}
