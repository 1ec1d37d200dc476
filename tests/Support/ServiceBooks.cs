namespace OrderSaga.Tests;

/// <summary>What must agree between the services' tables whatever the orders are up to: each counts violations.</summary>
internal static class ServiceBooks
{
    public static IReadOnlyList<(string Rule, string Sql)> Rules { get; } =
    [
        ("stock is negative", "SELECT count(*) FROM inventory.stock WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand"),
        ("stock is reserved by nobody, or too little is", """
            SELECT count(*) FROM inventory.stock s
            WHERE reserved <> (SELECT coalesce(sum(quantity), 0) FROM inventory.reservations r WHERE r.product_id = s.product_id AND r.status = 'PENDING')
            """),
        ("a day has more or fewer parcels than it counts", """
            SELECT count(*) FROM shipping.delivery_slots d
            WHERE taken <> (SELECT count(*) FROM shipping.shipments s WHERE s.delivery_day = d.day AND s.status <> 'CANCELLED')
            """),
        ("the gateway's ledger and payment disagree", """
            SELECT count(*) FROM (SELECT * FROM gateway.charges WHERE status = 'charged') g FULL JOIN payment.charges c ON c.charge_id = g.id
            WHERE g.id IS NULL OR c.charge_id IS NULL OR (g.order_id, g.amount, g.currency) <> (c.order_id, c.amount, c.currency) OR g.refunded <> CASE c.status WHEN 'REFUNDED' THEN c.amount ELSE 0 END
            """),
        ("a customer was told the same twice", "SELECT count(*) FROM (SELECT 1 FROM notification.notifications GROUP BY order_id, kind HAVING count(*) > 1) t"),
    ];

    /// <summary>The rules that are broken, and how often.</summary>
    public static async Task<IReadOnlyList<string>> BrokenAsync(IEnumerable<(string Rule, string Sql)> rules, Func<string, Task<long>> countAsync)
    {
        var broken = new List<string>();
        foreach (var (rule, sql) in rules)
            if (await countAsync(sql) is > 0 and var count)
                broken.Add($"{count}: {rule}");
        return broken;
    }
}
