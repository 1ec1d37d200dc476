using Microsoft.AspNetCore.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>
/// Is my order through, and if not, do I get my money back? Whoever knows the address may look: it cannot be guessed. No names of steps, no
/// blame; money is called given back only when the refund is confirmed.
/// </summary>
internal sealed class ShopOrderPage(Queries queries, Operations operations, TimeProvider time)
{
    // What a customer calls it: while it is done, when it is done, when it is taken back, and when it could not be.
    private static readonly Dictionary<string, (string Doing, string Done, string Undone, string Not)> Names = new()
    {
        ["CreateOrder"] = ("Taking down your order", "Order received", "Order cancelled", "Order not taken"),
        ["ReserveInventory"] = ("Setting your things aside", "Your things are set aside", "Things put back on the shelf", "Not everything is in stock"),
        ["FreezePrice"] = ("Fixing the price", "Price fixed", "Price set free", "The price has changed"),
        ["WrapGift"] = ("Wrapping it", "Wrapped as a gift", "Wrapping taken off", "It could not be wrapped"),
        ["CheckFraud"] = ("Checking the order", "Order checked", "Check withdrawn", "The order could not be checked"),
        ["ChargePayment"] = ("Taking the payment", "Payment taken", "Payment given back in full", "Payment did not go through"),
        ["CreateShipment"] = ("Booking the parcel", "Parcel booked", "Parcel cancelled", "The parcel could not be booked"),
        ["SendConfirmation"] = ("Sending the confirmation", "Confirmation sent", "", "Confirmation on its way"),
    };

    public async Task<IResult> ShowAsync(Guid orderId, HttpContext http, CancellationToken ct)
    {
        if (await queries.FileAsync(orderId, ct).ConfigureAwait(false) is not { } order || await queries.ContentAsync(orderId, ct).ConfigureAwait(false) is not { } content)
            return ShopFrame.Page("Not found", Html.Of($"""<section class="card ticket"><h1>We do not know this order</h1><p>Look at the address again; or it was too long ago.</p><p class="btns"><a class="btn main" href="/shop">To the shop</a></p></section>"""), 404);
        var story = new Story(order, queries.Table, time.GetUtcNow());
        var (tone, shape, title, about) = Say(story, content);
        return ShopFrame.Page(title, Html.Of($"""
            <section class="card ticket {tone}" id="ticket" data-part><div role="status"><span class="big">{Icon.Of(shape)}</span><h1>{title}</h1><p>{about}</p></div>
            <ol class="steps">{Steps(story)}</ol>
            <dl class="basket">{content.Lines.Select(l => Html.Of($"<div><dt>{l.Quantity} × {ShopPage.NameOf(l.ProductId)}</dt><dd>{(l.UnitPrice is { } price ? ShopFrame.Money(price * l.Quantity, order.Currency) : "")}</dd></div>"))}<div class="total"><dt>Total</dt><dd>{(order.Total is { } total ? ShopFrame.Money(total, order.Currency) : "")}</dd></div></dl>
            <p class="btns">{Acts(http, story)}</p><p class="dim small">Order {Words.Short(orderId)}.{(order.EndedAt is null ? " This page moves on by itself." : "")}</p></section>
            """), stamp: $"{order.Log[^1].Seq}");
    }

    public async Task<IResult> CancelAsync(Guid orderId, HttpContext http, CancellationToken ct)
    {
        if (await Forms.ReadAsync(http).ConfigureAwait(false) is null)
            return ShopPage.Refused;
        var outcome = await operations.CancelAsync(orderId, reason: null, actor: null, ct).ConfigureAwait(false);
        return outcome.Answer is Answer.Decided or Answer.Already ? new SeeOther($"/shop/orders/{orderId}")
            : ShopFrame.Page("Too late", Html.Of($"""<section class="card ticket"><h1>It is too late to cancel</h1><p>Your order is nearly done. You can send it back when it is with you.</p><p class="btns"><a class="btn main" href="/shop/orders/{orderId}">To your order</a></p></section>"""), 409);
    }

    private static (string Tone, string Shape, string Title, string About) Say(Story story, OrderContent content)
    {
        var total = story.Order.Total is { } amount ? ShopFrame.Money(amount, story.Order.Currency) : "the money";
        var charge = story.Steps.FirstOrDefault(s => s.Name == "ChargePayment");
        // As long as it is not known that nothing was taken, it is not said.
        var money = charge is null || charge.There is "waiting" or "refused" ? "Nothing was charged." : charge.Back == "undone" ? $"Your {total} have been given back. Banks take 2 to 5 working days to show it." : "We are giving your money back.";
        return story.Order.Status switch
        {
            "Completed" => ("ok", "done", "Thank you, it is confirmed", $"We have taken {total} and booked your parcel. A confirmation is on its way to {content.Email}."),
            "Cancelled" => ("off", "undone", "Sorry, we had to cancel this order", $"{Why(story)} Nothing will be sent. {money}"),
            "NeedsAttention" => ("warn", "slow", "Your order is cancelled", "Paying you back takes longer than usual; a person is looking after it, and you need not do anything."),
            _ when story.TurnedAt is not null => ("back", "undoing", "We have to cancel this order", $"{Why(story)} {money}"),
            _ => ("go", "slow", "We are on it", $"Your order is being prepared. You can close this page: nothing gets lost, and we write to {content.Email} when it is done."),
        };
    }

    private static string Why(Story story) => (story.TurnedBy, story.TurnedOn) switch
    {
        ("cancelled", _) => "It was cancelled as asked.",
        ("refused", "ChargePayment") => "The card was not accepted.",
        ("refused", "ReserveInventory") => "Not everything is in stock any more.",
        ("refused", "FreezePrice") => "The price has changed since you looked.",
        (_, "CreateShipment") => "We could not book a parcel for it.",
        _ => "Something did not work on our side.",
    };

    private static IEnumerable<Html> Steps(Story story)
    {
        foreach (var step in story.Steps.Where(s => story.TurnedAt is null || s.There != "waiting"))
        {
            var (doing, done, _, not) = Names.GetValueOrDefault(step.Name, (step.Name, step.Name, "", step.Name));
            yield return step.There == "done" ? Step("done", "ok", done, step.Tries) : step.There == "waiting" ? Step("waiting", "off", doing, [], "dim")
                : story.TurnedAt is not null || step.There == "refused" ? Step("skipped", "off", not, step.Tries, "dim") : Step("asked", "go", doing, [], "strong");
        }

        foreach (var step in story.Steps.Reverse().Where(s => s.Back is "undone" or "undoing" or "stuck" or "waiting"))
        {
            var undone = Names.TryGetValue(step.Name, out var names) ? names.Undone : $"{step.Name} taken back";
            // What was only in doubt is taken back without a word to the customer.
            if (step.There == "done" || step.Back != "undone")
                yield return step.Back == "undone" ? Step("undone", "back", undone, step.Undos) : Step(step.Back == "waiting" ? "waiting" : "undoing", step.Back == "waiting" ? "off" : "back", step.Name == "ChargePayment" ? "Giving your money back" : $"{undone}, soon", [], step.Back == "waiting" ? "dim" : "strong");
        }

        if (story.ApologyTries.Count > 0 && story.ApologyTries[^1].Kind == "back")
            yield return Step("done", "ok", "We wrote to you", story.ApologyTries);
    }

    private static Html Step(string shape, string tone, string name, IReadOnlyList<Try> tries, string kind = "") => Html.Of($"""
        <li class="{kind}"><span class="{tone}">{Icon.Of(shape)}</span><span>{name}</span>{(tries.Count == 0 ? null : Html.Of($"<time>{Words.Clock(tries[^1].To)[..5]}</time>"))}</li>
        """);

    private static Html Acts(HttpContext http, Story story) =>
        story.Order.EndedAt is not null || story.TurnedAt is not null ? Html.Of($"""<a class="btn{(story.Order.Status == "Cancelled" ? " main" : "")}" href="/shop">{(story.Order.Status == "Completed" ? "Order again" : "Try again")}</a>""")
        : story.Steps.Any(s => s.Row?.Undo is null && s.There != "waiting") ? Html.None
        : Html.Of($"""<form method="post" action="/shop/orders/{story.Order.OrderId}/cancel">{FormGuard.Hidden(http)}<button class="btn">Cancel the order</button></form>""");
}
