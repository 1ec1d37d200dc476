using Microsoft.AspNetCore.Http;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>What an operator can do to one order or one stuck undo: only what is possible as it stands, and only to who may.</summary>
internal static class OrderActs
{
    /// <summary>Whoever stops something or calls it done says why, in more than a word.</summary>
    public const int ShortestReason = 10;

    public static Html? Of(HttpContext http, OrderFile order)
    {
        if (!http.MayAct() || order.EndedAt is not null)
            return null;
        var hold = order.PausedAt is null
            ? Html.Of($"""<form method="post" action="/console/orders/{order.OrderId}/pause">{FormGuard.Hidden(http)}<button class="btn" id="pause">{Icon.Of("paused")}Pause</button></form>""")
            : Html.Of($"""<form method="post" action="/console/orders/{order.OrderId}/resume">{FormGuard.Hidden(http)}<button class="btn main" id="resume">Let it go on</button></form>""");
        var cancel = order.State == "Compensating" || order.CancelReason is not null ? null : Html.Of($"""
            <details class="panel" id="cancelling"><summary class="btn bad">Cancel order</summary><form class="form" method="post" action="/console/orders/{order.OrderId}/cancel">{FormGuard.Hidden(http)}
            <p>What was done so far is undone, money goes back, and the customer is told. This cannot be taken back.</p>
            <label>Reason; the customer reads it<input name="reason" required minlength="{ShortestReason}" maxlength="{Operations.LongestReason}"></label><p class="btns"><button class="btn bad">Cancel this order</button></p></form></details>
            """);
        return Html.Of($"{hold}{cancel}");
    }

    public static Html OfStuck(HttpContext http, StuckLine stuck, string undo) => Html.Of($"""
        <div class="btns"><form method="post" action="/console/stuck/{stuck.OrderId}/{stuck.Step}/retry">{FormGuard.Hidden(http)}<button class="btn main">Retry {undo}</button></form>
        <details class="panel flow" id="settle-{stuck.OrderId}-{stuck.Step}"><summary class="btn">Settle by hand</summary><form class="form" method="post" action="/console/stuck/{stuck.OrderId}/{stuck.Step}/resolve">{FormGuard.Hidden(http)}
        <p>Use this when it was done by another way. The order then counts {undo} as done, and nobody tries it again.</p>
        <div class="two"><label>Reason<input name="reason" required minlength="{ShortestReason}" maxlength="{OpsApi.LongestText}" placeholder="Paid back at the gateway"></label><label>Evidence<input name="evidence" required maxlength="{OpsApi.LongestEvidence}" placeholder="Refund number, ticket or link"></label></div>
        <label class="tick"><input type="checkbox" name="seen" required>I have seen that it is done{(stuck.Total is null ? "" : $", or that {Words.Money(stuck.Total, stuck.Currency)} is settled with the customer")}</label>
        <p class="btns"><button class="btn bad">Settle {undo}</button><span class="dim small">Your name, reason and evidence stay in the audit trail.</span></p></form></details></div>
        """);

    /// <summary>What it means for the customer that this undo is open.</summary>
    public static string Meaning(StuckLine stuck, IReadOnlyList<TableStep> table) => table.FirstOrDefault(s => s.Name == stuck.Step)?.Undo switch
    {
        "RefundPayment" => $"The customer may have been charged {Words.Money(stuck.Total, stuck.Currency)} and not paid back.",
        "ReleaseInventory" => "Its stock may still be set aside, and cannot be sold.",
        "CancelShipment" => "The parcel may still go out.",
        _ => "It may still stand as if the order went on.",
    };
}
