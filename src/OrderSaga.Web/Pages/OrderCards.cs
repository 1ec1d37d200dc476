using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>What the services and the gateway have in their own books about an order.</summary>
internal static class OrderCards
{
    public static Html Money(Story story, OrderBooks said)
    {
        var currency = story.Order.Currency;
        var taken = said.Gateway?.Where(g => g.Status == "charged").ToList();
        var (believed, back) = (said.Charges.Sum(c => c.Amount), said.Charges.Where(c => c.Status == "REFUNDED").Sum(c => c.Amount));
        var (charged, refunded) = (taken?.Sum(g => g.Amount) ?? 0, taken?.Sum(g => g.Refunded) ?? 0);
        // After a turn all of it has to go back; money that stays is somebody's loss.
        var must = story.TurnedAt is not null ? ", must become 0.00" : "";
        var open = story.TurnedAt is not null && story.Order.EndedAt is not null && (charged - refunded != 0 || believed - back != 0);
        Html Row(string what, decimal ours, decimal theirs, string kind = "") => Html.Of($"""<tr class="{kind}"><th scope="row">{what}</th><td class="num">{ours:0.00}</td><td class="num">{(taken is null ? "not known" : $"{theirs:0.00}")}</td></tr>""");
        var agree = taken is null ? "The gateway could not be asked." : believed - back == charged - refunded ? "Both sides agree." : "Both sides do not agree yet.";
        return Html.Of($"""
            <header><h2>Money of this order</h2></header><table><caption class="away">Money in {currency}</caption><thead><tr><th scope="col">{currency}</th><th scope="col" class="num">We believe</th><th scope="col" class="num">Gateway says</th></tr></thead>
            <tbody>{Row("Charged", believed, charged)}{Row("Paid back", back, refunded)}{Row($"Net{must}", believed - back, charged - refunded, open ? "sum bad" : "sum")}</tbody></table>
            <footer>{agree} {string.Join(", ", said.Charges.Select(c => c.ChargeId))}</footer>
            """);
    }

    public static Html Stock(Story story, OrderContent content, OrderBooks said)
    {
        var held = said.Stock.Where(s => s.Status == "PENDING").Sum(s => s.Quantity);
        Html Row(OrderSaga.Contracts.OrderLine line)
        {
            var mark = said.Stock.FirstOrDefault(s => s.ProductId == line.ProductId);
            return Html.Of($"""<tr><th scope="row" class="wrap">{line.ProductId}</th><td class="num">{line.Quantity}</td><td class="num">{(line.UnitPrice is { } price ? $"{price:0.00}" : "")}</td><td>{(mark is null ? "not set aside" : mark.Status)}</td></tr>""");
        }

        return Html.Of($"""
            <header><h2>Stock of this order</h2></header><table><caption class="away">What was ordered, and whether it is set aside</caption><thead><tr><th scope="col">Product</th><th scope="col" class="num">Ordered</th><th scope="col" class="num">Price seen</th><th scope="col">Mark</th></tr></thead><tbody>{content.Lines.Select(Row)}</tbody></table>
            <footer>{(held == 0 ? "Nothing is held for it." : $"{Words.Count(held, "piece")} held for it{(story.TurnedAt is null ? "" : ", must become 0")}.")} {string.Join(", ", said.Others.Select(o => $"{o.What}: {o.Status}"))}</footer>
            """);
    }

    public static Html Services(OrderBooks said, DateTimeOffset now) => Html.Of($"""
        <header><h2>What each service says</h2><p>From the services' own books</p></header>
        {(said.Steps.Count == 0 ? Html.Of($"""<p class="empty">No service has written anything about it.</p>""") : Html.Of($"""
        <table class="list"><caption class="away">The services' own logs of this order</caption><thead><tr><th scope="col">Service</th><th scope="col">Step</th><th scope="col">Says</th><th scope="col" class="num">Written, UTC</th></tr></thead><tbody>
        {said.Steps.Select(s => Html.Of($"""<tr><th scope="row">{s.Service}</th><td>{(s.Undo ? $"undo of {s.Step}" : s.Step)}</td><td>{Icon.Chip(s.Status is "done" ? "done" : s.Status is "refused" or "barred" ? "refused" : "undone", s.Status is "done" ? "ok" : s.Status is "refused" or "barred" ? "bad" : "back", s.Status, "plain")}</td><td class="num">{Words.Moment(s.At, now)}</td></tr>"""))}</tbody></table>
        """))}
        {(said.NotAsked.Count == 0 ? null : Html.Of($"<footer>Not readable from this process: {string.Join(", ", said.NotAsked)}.</footer>"))}
        """);
}
