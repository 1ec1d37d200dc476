namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>What must agree between the services' tables once every order is at rest: each line counts violations.</summary>
internal static class Books
{
    private static readonly (string Rule, string Sql)[] Rules =
    [
        ("an order is not at rest", "SELECT count(*) FROM checkout.order_state WHERE status = 'Processing'"),
        ("a message was left unsent", "SELECT count(*) FROM checkout.saga_log WHERE outgoing IS NOT NULL"),
        ("a complete order is not charged its total", "SELECT count(*) FROM checkout.order_state o LEFT JOIN payment.charges c ON c.order_id = o.order_id AND c.status = 'CHARGED' AND c.amount = o.total WHERE o.status = 'Completed' AND c.order_id IS NULL"),
        ("the gateway's ledger and payment disagree", """
            SELECT count(*) FROM (SELECT * FROM gateway.charges WHERE status = 'charged') g FULL JOIN payment.charges c ON c.charge_id = g.id
            WHERE g.id IS NULL OR c.charge_id IS NULL OR (g.order_id, g.amount, g.currency) <> (c.order_id, c.amount, c.currency) OR g.refunded <> CASE c.status WHEN 'REFUNDED' THEN c.amount ELSE 0 END
            """),
        ("an order that did not complete is charged", "SELECT count(*) FROM payment.charges c LEFT JOIN checkout.order_state o ON o.order_id = c.order_id AND o.status = 'Completed' WHERE c.status = 'CHARGED' AND o.order_id IS NULL"),
        ("a complete order has not one parcel", "SELECT count(*) FROM checkout.order_state o WHERE status = 'Completed' AND (SELECT count(*) FROM shipping.shipments s WHERE s.order_id = o.order_id AND s.status = 'CREATED') <> 1"),
        ("a parcel has no complete order", "SELECT count(*) FROM shipping.shipments s LEFT JOIN checkout.order_state o ON o.order_id = s.order_id AND o.status = 'Completed' WHERE s.status = 'CREATED' AND o.order_id IS NULL"),
        ("stock is negative", "SELECT count(*) FROM inventory.stock WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand"),
        ("stock is still reserved", "SELECT count(*) FROM inventory.stock WHERE reserved <> 0"),
        ("a reservation is still open", "SELECT count(*) FROM inventory.reservations WHERE status = 'PENDING'"),
        ("an order is still pending at the order service", "SELECT count(*) FROM orders.orders WHERE status = 'PENDING'"),
        ("order and saga disagree", "SELECT count(*) FROM checkout.order_state s JOIN orders.orders o ON o.order_id = s.order_id WHERE o.status <> CASE s.status WHEN 'Completed' THEN 'CONFIRMED' ELSE 'CANCELLED' END"),
        ("an order was not told its end exactly once", "SELECT count(*) FROM checkout.order_state o WHERE (SELECT count(*) FROM notification.notifications n WHERE n.order_id = o.order_id) <> 1"),
        ("a customer was told the wrong end", "SELECT count(*) FROM checkout.order_state o JOIN notification.notifications n ON n.order_id = o.order_id WHERE n.kind <> CASE o.status WHEN 'Completed' THEN 'confirmation' ELSE 'apology' END"),
    ];

    /// <summary>Waits until the endings have reached everyone, then asserts every rule.</summary>
    public static async Task AgreeAsync(Place place, CancellationToken ct)
    {
        var broken = await BrokenAsync(place);
        for (var i = 0; broken.Count > 0 && i < 100; i++)
        {
            await Task.Delay(100, ct);
            broken = await BrokenAsync(place);
        }

        Assert.Empty(broken);
    }

    private static async Task<List<string>> BrokenAsync(Place place)
    {
        var broken = new List<string>();
        foreach (var (rule, sql) in Rules)
            if (await place.ScalarAsync<long>(sql) is > 0 and var count)
                broken.Add($"{count}: {rule}");
        return broken;
    }
}
