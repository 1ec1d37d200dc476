using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>
/// A customer places an order. The page itself carries the order's key, so that whoever presses twice, goes back or loads it again has one
/// order; what he ordered is remembered by his browser.
/// </summary>
internal sealed class ShopPage(Intake intake, Queries queries, FaultPlans plans)
{
    internal const string Cookie = "ordersaga-orders";
    private const int Remembered = 10, Most = 99;

    // The demo catalogue, at the prices that the pricing service begins with. A price that has changed since is refused, and says so.
    private static readonly (string Id, string Name, string About, decimal Price)[] Products =
    [
        ("sku-apple", "Apple", "Crisp, from the old tree", 3.99m), ("sku-pear", "Pear", "Soft and sweet", 2.49m), ("sku-plum", "Plum", "By the handful", 0.99m),
        ("sku-last", "The last quince", "One piece is left", 9.99m), ("sku-none", "Winter melon", "Sold out for now", 4.99m),
    ];

    private static readonly (string Token, string Name)[] Cards =
        [("tok_visa", "Card that works"), ("tok_declined", "Card that is declined"), ("tok_error", "Card whose bank stumbles twice"), ("tok_slow", "Card whose bank takes over a minute")];

    public static string NameOf(string productId) => Array.Find(Products, p => p.Id == productId).Name ?? productId;

    public IResult Show(HttpContext http) => Form(http, null, []);

    public async Task<IResult> PlaceAsync(HttpContext http, CancellationToken ct)
    {
        if (await Forms.ReadAsync(http).ConfigureAwait(false) is not { } form)
            return Refused;
        var order = Read(form);
        var faults = plans.Honoured && form.Text("fault") is { } fault && fault.Split(' ') is [var step, var kind] ? [new PlannedFault(step, kind)] : Array.Empty<PlannedFault>();
        var wrong = intake.Check(order).Concat(intake.Check(faults)).ToDictionary();
        if (form.Text("key") is not { Length: <= 64 } key || !key.All(char.IsAsciiLetterOrDigit))
            return Refused;
        if (wrong.Count > 0)
            return Form(http, form, wrong);
        try
        {
            var accepted = await intake.SubmitAsync(order, key, ct, faults).ConfigureAwait(false);
            Remember(http, accepted.OrderId);
            return new SeeOther($"/shop/orders/{accepted.OrderId}");
        }
        catch (IdempotencyKeyReusedException)
        {
            return ShopFrame.Page("Ordered already", Html.Of($"""<section class="card ticket"><h1>You have ordered from this page already</h1><p>To order something else, begin anew.</p><p class="btns"><a class="btn main" href="/shop">Begin anew</a></p>{Yours(http)}</section>"""), 409);
        }
    }

    /// <summary>What was sent did not come from our form.</summary>
    public static Page Refused { get; } = ShopFrame.Page("Please try again", Html.Of($"""<section class="card ticket"><h1>Please try again</h1><p>Nothing was ordered. The page was too old.</p><p class="btns"><a class="btn main" href="/shop">To the shop</a></p></section>"""), 400);

    private Page Form(HttpContext http, IFormCollection? said, Dictionary<string, string[]> wrong)
    {
        string? Was(string field, string? unless = null) => said is null ? unless : said[field].ToString();
        Html Field(string name, string label, string path, string complete, string? unless, string type = "text") => Html.Of($"""
            <label>{label}<input type="{type}" name="{name}" value="{Was(name, unless)}" required autocomplete="{complete}"{(wrong.ContainsKey(path) ? Html.Of($""" aria-invalid="true" aria-describedby="wrong-{name}" """) : null)}></label>{(wrong.TryGetValue(path, out var what) ? Html.Of($"""<p class="wrong" id="wrong-{name}">{what[0]}</p>""") : null)}
            """);
        return ShopFrame.Page("Corner shop", Html.Of($"""
            <div class="shop"><form class="card ticket" method="post" action="/shop">{FormGuard.Hidden(http)}<input type="hidden" name="key" value="{Was("key", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)))}"><input type="hidden" name="customer" value="{Was("customer", CustomerOf(http))}">
            <h1>What would you like?</h1>{(wrong.TryGetValue("lines", out var none) ? Html.Of($"""<p class="wrong" role="alert">{(none[0].Contains("has 1 to", StringComparison.Ordinal) ? "Choose at least one thing." : none[0])}</p>""") : null)}
            <ul class="goods">{Products.Select(p => Html.Of($"""<li><span><span class="strong">{p.Name}</span><span class="sub">{p.About}</span></span><span class="num">{ShopFrame.Money(p.Price, "EUR")}</span><label><span class="away">How many of {p.Name}</span><input type="number" name="{p.Id}" value="{Was(p.Id, p.Id == "sku-apple" ? "2" : "0")}" min="0" max="{Most}" inputmode="numeric"></label></li>"""))}</ul>
            <h2>Where to</h2><div class="two"><div>{Field("email", "E-mail", "customer.email", "email", "anna@example.org", "email")}</div><div>{Field("name", "Name", "shippingAddress.name", "name", "Anna Smith")}</div><div>{Field("street", "Street", "shippingAddress.street", "street-address", "Garden Lane 5")}</div><div>{Field("postalCode", "Postal code", "shippingAddress.postalCode", "postal-code", "12345")}</div><div>{Field("city", "City", "shippingAddress.city", "address-level2", "Springfield")}</div><div>{Field("country", "Country, two letters", "shippingAddress.country", "country", "DE")}</div></div>
            <h2>Payment</h2><label>Card<select name="card">{Cards.Select(c => Html.Of($"""<option value="{c.Token}"{(Was("card") == c.Token ? " selected" : "")}>{c.Name}</option>"""))}</select></label>
            <label class="tick"><input type="checkbox" name="gift" value="yes"{(Was("gift") == "yes" ? " checked" : "")}>Wrap it as a gift</label>
            {(plans.Honoured ? Faults(Was("fault")) : null)}
            <p class="btns"><button class="btn main">Place the order</button><span class="dim small">You pay nothing: this shop is for trying out.</span></p></form>{Yours(http)}</div>
            """), wrong.Count > 0 ? 400 : 200);
    }

    // Every step of the table can be made to fail, in the real engine.
    private Html Faults(string? chosen) => Html.Of($"""
        <details class="plain"{(string.IsNullOrEmpty(chosen) ? "" : " open")}><summary>Have something go wrong, to see what happens</summary><label>What goes wrong<select name="fault"><option value="">Nothing</option>
        {queries.Table.SelectMany(Choices).Select(f => Html.Of($"""<option value="{f.Value}"{(f.Value == chosen ? " selected" : "")}>{f.Words}</option>"""))}</select></label></details>
        """);

    private static IEnumerable<(string Value, string Words)> Choices(TableStep step)
    {
        yield return ($"{step.Name} throw", $"{step.Name} breaks");
        yield return ($"{step.Name} silent", $"{step.Name} never answers");
        if (step.Undo is null)
            yield break;
        yield return ($"{step.Name} refuse", $"{step.Name} is refused");
        yield return ($"{step.Name} undo-throw", $"{step.Undo} fails again and again, if it comes to it");
    }

    private static SubmitOrder Read(IFormCollection form)
    {
        var lines = Products.Select(p => (p, Quantity: int.TryParse(form.Text(p.Id), NumberStyles.None, CultureInfo.InvariantCulture, out var quantity) ? quantity : 0))
            .Where(l => l.Quantity > 0).Select(l => new OrderLine(l.p.Id, Math.Min(l.Quantity, Most), l.p.Price)).ToList();
        return new(Guid.Empty, new(form.Text("customer") ?? "", form.Text("email") ?? ""), "EUR", lines,
            new(form.Text("name") ?? "", form.Text("street") ?? "", form.Text("city") ?? "", form.Text("postalCode") ?? "", form.Text("country")?.ToUpperInvariant() ?? ""),
            new(form.Text("card") ?? ""), form.Text("gift") == "yes");
    }

    private static string CustomerOf(HttpContext http) => Ordered(http).Count > 0 ? $"web-{Ordered(http)[^1]:N}"[..16] : $"web-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";

    private static IReadOnlyList<Guid> Ordered(HttpContext http) =>
        [.. (http.Request.Cookies[Cookie] ?? "").Split('.').Select(text => Guid.TryParseExact(text, "N", out var id) ? id : Guid.Empty).Where(id => id != Guid.Empty).Take(Remembered)];

    private static void Remember(HttpContext http, Guid orderId) => http.Response.Cookies.Append(
        Cookie, string.Join('.', Ordered(http).Prepend(orderId).Distinct().Take(Remembered).Select(id => id.ToString("N"))),
        new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = http.Request.IsHttps, Path = "/shop", MaxAge = TimeSpan.FromDays(30) });

    private static Html? Yours(HttpContext http) => Ordered(http) is { Count: > 0 } orders
        ? Html.Of($"""<section class="card ticket" id="yours"><h2>Your orders</h2><ul>{orders.Select(id => Html.Of($"""<li><a class="mono" href="/shop/orders/{id}">{Words.Short(id)}</a></li>"""))}</ul></section>""")
        : null;
}
