using OrderSaga.Web.Pages;

namespace OrderSaga.Host.Reconciliation;

/// <summary>
/// Compares everybody's books. An order is judged by where its saga came to rest, once that is long enough ago for its ending to have
/// reached everyone; until then only what no order could have is found. What is stuck is known, and no finding.
/// </summary>
internal sealed class Reconciler(Books books, DateTimeOffset settledBefore)
{
    private const int MostExamples = 10;

    private enum Standing
    {
        /// <summary>Nobody knows such an order.</summary>
        None,

        /// <summary>It is under way, or was until just now.</summary>
        Moving,
        Completed,
        Undone,
    }

    public IReadOnlyList<Finding> Find() =>
    [
        .. books.Gateway is { } gateway ? OfMoney(gateway) : [],
        Finding("reservations", "Stock is held for an order that is not under way.",
            books.Marks.Where(m => IsOver(m.OrderId, "ReserveInventory")).Select(m => $"{m.OrderId} {m.ProductId}")),
        Finding("taken", "A completed order took nothing from the shelf, or one that did not complete did.", Taken()),
        Finding("stock", "Stock is negative, or more or less of it is reserved than orders hold.", books.Unbalanced),
        Finding("shipments", "A parcel is on its way without an order that completed, or a completed order has none.", Parcels()),
        Finding("notifications", "A customer was told the same twice, or not the end that it was.", Notices()),
        Finding("orders", "The order service does not say what the saga says.", OfOrders()),
    ];

    /// <summary>What was found among some orders and among others, check by check.</summary>
    public static IReadOnlyList<Finding> Together(IReadOnlyList<Finding> some, IReadOnlyList<Finding> others) =>
        some is [] ? others : [.. some.Zip(others, (a, b) => a with { Count = a.Count + b.Count, Examples = [.. a.Examples.Concat(b.Examples).Take(MostExamples)] })];

    private IEnumerable<Finding> OfMoney(IReadOnlyList<GatewayBook> gateway)
    {
        var taken = gateway.Where(c => c.Net > 0).ToLookup(c => c.OrderId);
        yield return Finding("ghost-charges", "The gateway keeps money for an order that did not complete.",
            taken.Where(c => StandingOf(c.Key, "ChargePayment") is Standing.None or Standing.Undone).Select(c => $"{c.Key}"));
        yield return Finding("charges", "A completed order was not charged its total, exactly once.", books.Sagas
            .Where(s => StandingOf(s.Key, "ChargePayment") == Standing.Completed && s.Value.Route.Contains("ChargePayment", StringComparison.Ordinal))
            .Where(s => taken[s.Key].ToList() is not [var only] || only.Net != s.Value.Total || only.Currency != s.Value.Currency).Select(s => $"{s.Key}"));
        yield return Finding("beliefs", "The payment service does not say what the gateway says.", Beliefs(gateway));
    }

    private IEnumerable<string> Beliefs(IReadOnlyList<GatewayBook> gateway)
    {
        var truth = gateway.Where(c => c.Status == "charged").ToDictionary(c => c.Id);
        var believed = books.Charges.ToDictionary(c => c.ChargeId);
        var wrong = books.Charges.Where(c => !truth.TryGetValue(c.ChargeId, out var true_) || (c.Amount, c.Currency) != (true_.Amount, true_.Currency)
            || c.Status != (true_.Net > 0 ? "CHARGED" : true_.Refunded > 0 ? "REFUNDED" : c.Status)).Select(c => c.OrderId);
        var unknown = truth.Values.Where(c => !believed.ContainsKey(c.Id)).Select(c => c.OrderId);
        return wrong.Concat(unknown).Where(id => StandingOf(id, "ChargePayment") != Standing.Moving).Distinct().Select(id => $"{id}");
    }

    private IEnumerable<string> Taken() => books.Taken.Where(id => StandingOf(id, "ReserveInventory") is Standing.None or Standing.Undone)
        .Concat(books.Sagas.Where(s => StandingOf(s.Key, "ReserveInventory") == Standing.Completed && s.Value.Route.Contains("ReserveInventory", StringComparison.Ordinal) && !books.Taken.Contains(s.Key)).Select(s => s.Key))
        .Select(id => $"{id}");

    private IEnumerable<string> Parcels()
    {
        var sent = books.Shipments.ToLookup(s => s.OrderId);
        var ghosts = sent.Select(s => s.Key).Where(id => StandingOf(id, "CreateShipment") is Standing.None or Standing.Undone);
        var missing = books.Sagas.Where(s => StandingOf(s.Key, "CreateShipment") == Standing.Completed && s.Value.Route.Contains("CreateShipment", StringComparison.Ordinal) && sent[s.Key].Count() != 1)
            .Select(s => s.Key);
        return ghosts.Concat(missing).Select(id => $"{id}");
    }

    private IEnumerable<string> Notices()
    {
        var told = books.Notices.ToLookup(n => n.OrderId, n => n.Kind);
        var twice = told.Where(kinds => kinds.Distinct().Count() != kinds.Count()).Select(kinds => kinds.Key);
        var wrong = books.Sagas.Keys.Where(id => StandingOf(id) switch
        {
            Standing.Completed => told[id].ToList() is not ["confirmation"],
            Standing.Undone => told[id].ToList() is not ["apology"],
            _ => false,
        });
        return twice.Union(wrong).Select(id => $"{id}");
    }

    private IEnumerable<string> OfOrders()
    {
        var status = books.Orders.ToDictionary(o => o.OrderId, o => o.Status);
        var without = status.Keys.Where(id => !books.Sagas.ContainsKey(id));
        var wrong = books.Sagas.Keys.Where(id => StandingOf(id, "CreateOrder") switch
        {
            Standing.Completed => status.GetValueOrDefault(id) != "CONFIRMED",
            // What was refused at once was never kept.
            Standing.Undone => status.GetValueOrDefault(id, "CANCELLED") != "CANCELLED",
            _ => false,
        });
        return without.Concat(wrong).Select(id => $"{id}");
    }

    private bool IsOver(Guid order, string step) => StandingOf(order, step) is Standing.None or Standing.Completed or Standing.Undone;

    // An order with a stuck undo rests as well; but what is stuck waits for a person, who sees it on the list of what is.
    private Standing StandingOf(Guid order, string? step = null) =>
        !books.Sagas.TryGetValue(order, out var saga) ? Standing.None
        : saga.EndedAt is not { } ended || ended > settledBefore || (step is not null && books.Stuck.Contains((order, step))) ? Standing.Moving
        : saga.Status == "Completed" ? Standing.Completed
        : Standing.Undone;

    private static Finding Finding(string name, string meaning, IEnumerable<string> found)
    {
        var all = found.Order(StringComparer.Ordinal).ToList();
        return new(name, meaning, all.Count, [.. all.Take(MostExamples)]);
    }
}
