using Microsoft.AspNetCore.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>Is the shop well, where are the orders now, and do money and stock agree?</summary>
internal sealed class OverviewPage(ShopWatch watch, Queries queries)
{
    public async Task<IResult> ShowAsync(HttpContext http, CancellationToken ct)
    {
        var shop = await watch.NowAsync(whole: true, ct).ConfigureAwait(false);
        var summary = shop.Summary;
        return Page.Unchanged(http, shop.Stamp) ?? new Page("Overview", Html.Of($"""
            {Page.Head("Overview", About(summary), Page.Live(http, summary.At))}
            <div id="wrong" data-part>{Wrong(shop)}</div>
            <div class="tiles" id="tiles" data-part>{Tiles(shop)}</div>
            <section class="card" id="where" data-part><header><h2>Where the orders are</h2><p>Counts now; times are the median of the last 5 minutes. {(summary.Paused > 0 ? Html.Of($"""<a href="/console/orders?paused=true">{Words.Count(summary.Paused)} paused</a>""") : null)}</p></header><div class="pad">{Picture(shop).Draw()}</div></section>
            <div class="cols"><section class="card" id="longest" data-part>{Longest(shop)}</section><section class="card" id="books" data-part>{Books(shop)}</section></div>
            """)) { Place = "overview", Stamp = shop.Stamp, Waiting = shop.Waiting };
    }

    private static Html About(ShopSummary summary) => summary.InFlight == 0
        ? Html.Of($"No order is under way.")
        : Html.Of($"{Words.Count(summary.InFlight, "order")} under way, {Words.Count(summary.Rates.Started)} begun in the last 5 minutes.");

    private static Html Wrong(ShopNow shop)
    {
        var said = new List<(string Tone, string What, string Then, string Link, string Button)>();
        if (shop.Summary.Stuck > 0)
            said.Add(("bad", $"{Words.Count(shop.Summary.Stuck, "undo")} {(shop.Summary.Stuck == 1 ? "is" : "are")} stuck.", "The program has tried and could not finish alone. Everything else goes on.", "/console/hand", "Open Needs a hand"));
        if (shop.Books is { Violations: > 0 } books)
            said.Add(("bad", $"The books do not agree in {Words.Count(books.Violations, "place")}.", "See below where, with examples.", "#books", "See where"));
        if (shop.Letters.Waiting > 0)
            said.Add(("warn", $"{Words.Count(shop.Letters.Waiting, "message")} could not be handled.", "Orders do not depend on them: what an order waits for is asked again.", "/console/hand#letters", "Look at them"));
        if (shop.Alerts.GivenUp > 0)
            said.Add(("warn", $"{Words.Count(shop.Alerts.GivenUp, "alert")} did not arrive.", "Nobody took them for five days.", "/console/hand#alerts", "Look at them"));
        return Html.Join(said.Select(s => Html.Of($"""<div class="note {s.Tone}">{Icon.Of(s.Tone == "bad" ? "stuck" : "faulted")}<div><p class="strong">{s.What}</p><p>{s.Then}</p></div><a class="btn" href="{s.Link}">{s.Button}</a></div>""")));
    }

    private static Html Tiles(ShopNow shop)
    {
        var (summary, minutes, samples, now) = (shop.Summary, shop.Minutes, shop.Samples, shop.Summary.At);
        var ended = summary.Rates.Completed + summary.Rates.Compensated + summary.Rates.Failed;
        IReadOnlyList<int> Hour(Func<ShopSample, int> value, int last) => [.. samples.Select(value), last];
        var compensating = summary.States.GetValueOrDefault("Compensating");
        var undone = minutes.Sum(m => m.Undone);
        var all = Math.Max(1, undone + minutes.Sum(m => m.Completed));
        return Html.Join([
            Tile("/console/orders", "Started", $"{summary.Rates.Started / 5.0:0.#}", " /min", $"{ended / 5.0:0.#} ended/min", [.. minutes.Select(m => m.Started)], "go"),
            Tile("/console/orders?status=Processing", "In flight", Words.Count(summary.InFlight), "", summary.Paused > 0 ? $"{Words.Count(summary.Paused)} paused" : "none paused", Hour(s => s.InFlight, summary.InFlight), "go"),
            Tile("/console/orders?state=Compensating", "Compensating", Words.Count(compensating), "", $"{(100.0 * undone / all).ToString(undone * 10 < all ? "0.#" : "0")}% undone", Hour(s => s.Compensating, compensating), "back"),
            Tile("/console/hand", "Stuck", Words.Count(summary.Stuck), "", summary.Stuck == 0 ? "nothing needs a hand" : "need a hand", Hour(s => s.Stuck, summary.Stuck), "bad"),
            Tile($"/console/orders?status=Processing&olderThan={summary.SlowAfterSeconds:0}s", $"Slow, over {summary.SlowAfterSeconds:0} s", Words.Count(summary.Slow), "", "of those in flight", Hour(s => s.Slow, summary.Slow), "warn"),
            summary.Oldest is { } oldest
                ? Tile($"/console/orders/{oldest.OrderId}", "Oldest in flight", Words.Since(oldest.StartedAt, now), Words.Short(oldest.OrderId), null, "warn")
                : Tile("/console/orders?status=Processing", "Oldest in flight", Html.Of($"none"), "nothing waits", null, "warn"),
            Tile("/console/hand#letters", "Dead letters", Words.Count(shop.Letters.Waiting), "", shop.Letters.Oldest is { } since ? $"since {Words.Moment(since, now)}" : "none waits", Hour(s => s.Letters, shop.Letters.Waiting), "bad"),
            Tile("/console/orders?state=Complete", "Complete", Words.Count(summary.States.GetValueOrDefault("Complete")), "", $"{Words.Count(minutes.Sum(m => m.Completed))} in the last hour", [.. minutes.Select(m => m.Completed)], "ok"),
        ]);
    }

    private static Html Tile(string link, string name, string value, string unit, string about, IReadOnlyList<int> hour, string tone) =>
        Tile(link, name, Html.Of($"{value}{(unit.Length > 0 ? Html.Of($"<small>{unit}</small>") : null)}"), about, hour, tone);

    private static Html Tile(string link, string name, Html value, string about, IReadOnlyList<int>? hour, string tone) => Html.Of($"""
        <a class="tile" href="{link}"><span class="name">{name}</span><span class="value">{value}</span><span class="about">{about}</span>{(hour is null ? null : Spark.Of(hour, tone))}</a>
        """);

    private Drawing Picture(ShopNow shop)
    {
        var (states, table) = (shop.Summary.States, queries.Table);
        DrawnState State(string name, string tone) => new(name, new(tone, Count: states.GetValueOrDefault(name), Link: $"/console/orders?state={name}"));
        var steps = table.Select(step => new DrawnStep(
            step.Name, shop.Took.TryGetValue(step.Name, out var took) ? Words.Took(took) : step.Optional ? "optional" : null, "", "not",
            step.Reaches is { } reaches ? State(reaches, "go") : State("Complete", "ok"),
            step.Undo,
            step.Undo is null ? null : new("back", Count: shop.Flow.Waiting.GetValueOrDefault(step.Undo), Link: $"/console/orders?state=Compensating&step={step.Name}"),
            shop.Flow.Stuck.GetValueOrDefault(step.Name) is > 0 and var stuck ? $"{Words.Count(stuck)} stuck" : null, "bad", "not")).ToList();
        return new(
            $"Orders now: {string.Join(", ", states.Where(s => s.Value > 0).Select(s => $"{Words.Count(s.Value)} {s.Key}"))}.", State("Pending", "go"), steps, State("Compensated", "off"), State("Failed", "bad"));
    }

    private Html Longest(ShopNow shop) => Html.Of($"""
        <header><h2>Longest under way</h2><a class="push" href="/console/orders?status=Processing">All {Words.Count(shop.Summary.InFlight)}</a></header>
        {(shop.Longest.Count == 0 ? Html.Of($"""<p class="empty">{Icon.Of("done")}No order is under way.</p>""") : Html.Of($"""
        <table class="list"><caption class="away">Orders that are under way the longest</caption><thead><tr><th scope="col">Order</th><th scope="col">State</th><th scope="col">Waits for</th><th scope="col" class="num">Age</th></tr></thead><tbody>
        {shop.Longest.Select(o => Html.Of($"""<tr><th scope="row"><a class="mono" href="/console/orders/{o.OrderId}">{Words.Short(o.OrderId)}</a></th><td>{Icon.StateChip(o.State, queries.States)}</td><td>{OrdersPage.WaitsFor(o)}</td><td class="num">{Words.Since(o.StartedAt, shop.Summary.At)}</td></tr>"""))}
        </tbody></table>
        """))}
        """);

    private static Html Books(ShopNow shop) => shop.Books is not { } books
        ? Html.Of($"""<header><h2>Money and stock</h2></header><p class="empty">{Icon.Of("asked")}The books are being compared.</p>""")
        : Html.Of($"""
        <header><h2>{(books.Checks.Count == 0 ? "Money and stock" : books.Violations == 0 ? "Money and stock agree" : "Money and stock do not agree")}</h2><p class="push">checked {Words.Clock(books.At)}</p></header>
        <table><caption class="away">What was compared</caption><thead class="away"><tr><th scope="col">What must not be</th><th scope="col">How often it is</th></tr></thead><tbody>
        {books.Checks.Select(c => Html.Of($"""<tr><td>{c.Meaning} {c.Examples.Select(Example)}</td><td class="num">{(c.Count == 0 ? Icon.Chip("done", "ok", "None", "plain") : Icon.Chip("stuck", "bad", Words.Count(c.Count)))}</td></tr>"""))}
        </tbody></table><footer>{books.NotChecked} Compares the books of every service and the gateway's own. Orders that ended less than 30 s ago are left out.</footer>
        """);

    private static Html Example(string text) => Guid.TryParse(text.Split(' ')[0], out var id)
        ? Html.Of($"""<a class="mono small" href="/console/orders/{id}">{Words.Short(id)}</a> """)
        : Html.Of($"""<span class="mono small">{text}</span> """);
}
