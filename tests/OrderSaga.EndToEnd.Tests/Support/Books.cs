using OrderSaga.Host.Reconciliation;
using OrderSaga.Web.Pages;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>What must agree between the services' tables once every order is at rest: each line counts violations.</summary>
internal static class Books
{
    // Wherever they are by now.
    private const string Orders = "(SELECT order_id, status, total FROM checkout.order_state UNION ALL SELECT order_id, status, total FROM checkout.order_archive)";

    private static readonly (string Rule, string Sql)[] Rules =
    [
        ("an order is not at rest", $"SELECT count(*) FROM {Orders} o WHERE status = 'Processing'"),
        ("a message was left unsent", "SELECT count(*) FROM checkout.saga_log WHERE outgoing IS NOT NULL"),
        ("a complete order is not charged its total", $"SELECT count(*) FROM {Orders} o LEFT JOIN payment.charges c ON c.order_id = o.order_id AND c.status = 'CHARGED' AND c.amount = o.total WHERE o.status = 'Completed' AND c.order_id IS NULL"),
        ("an order that did not complete is charged", $"SELECT count(*) FROM payment.charges c LEFT JOIN {Orders} o ON o.order_id = c.order_id AND o.status = 'Completed' WHERE c.status = 'CHARGED' AND o.order_id IS NULL"),
        ("a complete order has not one parcel", $"SELECT count(*) FROM {Orders} o WHERE status = 'Completed' AND (SELECT count(*) FROM shipping.shipments s WHERE s.order_id = o.order_id AND s.status = 'CREATED') <> 1"),
        ("a parcel has no complete order", $"SELECT count(*) FROM shipping.shipments s LEFT JOIN {Orders} o ON o.order_id = s.order_id AND o.status = 'Completed' WHERE s.status = 'CREATED' AND o.order_id IS NULL"),
        ("stock is still reserved", "SELECT count(*) FROM inventory.stock WHERE reserved <> 0"),
        ("a reservation is still open", "SELECT count(*) FROM inventory.reservations WHERE status = 'PENDING'"),
        ("an order is still pending at the order service", "SELECT count(*) FROM orders.orders WHERE status = 'PENDING'"),
        ("order and saga disagree", $"SELECT count(*) FROM {Orders} s JOIN orders.orders o ON o.order_id = s.order_id WHERE o.status <> CASE s.status WHEN 'Completed' THEN 'CONFIRMED' ELSE 'CANCELLED' END"),
        ("an order was not told its end exactly once", $"SELECT count(*) FROM {Orders} o WHERE (SELECT count(*) FROM notification.notifications n WHERE n.order_id = o.order_id) <> 1"),
        ("a customer was told the wrong end", $"SELECT count(*) FROM {Orders} o JOIN notification.notifications n ON n.order_id = o.order_id WHERE n.kind <> CASE o.status WHEN 'Completed' THEN 'confirmation' ELSE 'apology' END"),
    ];

    /// <summary>Waits until the endings have reached everyone, then asserts every rule but those that are known to be broken.</summary>
    public static async Task AgreeAsync(Place place, CancellationToken ct, int seconds = 10, params string[] known)
    {
        var broken = await BrokenAsync(place);
        for (var i = 0; !broken.SequenceEqual(known) && i < seconds * 10; i++)
        {
            await Task.Delay(100, ct);
            broken = await BrokenAsync(place);
        }

        Assert.Equal(known, broken);
    }

    /// <summary>By these rules, and by those that operators are shown.</summary>
    private static async Task<IReadOnlyList<string>> BrokenAsync(Place place)
    {
        var broken = await ServiceBooks.BrokenAsync([.. Rules, .. ServiceBooks.Rules], place.ScalarAsync<long>);
        return broken.Count > 0 ? broken : [.. (await ReconcileAsync(place)).Where(f => f.Count > 0).Select(f => $"{f.Count}: {f.Meaning} {string.Join(", ", f.Examples)}")];
    }

    private static async Task<IReadOnlyList<Finding>> ReconcileAsync(Place place)
    {
        var database = Database.Postgres(await place.ConnectionStringAsync());
        await using var connections = database.Source;
        var charges = await place.RowsAsync("SELECT id, order_id, amount, currency, status, refunded FROM gateway.charges",
            r => new Dated<GatewayBook>(new(r.GetString(0), r.GetGuid(1), r.GetDecimal(2), r.GetString(3), r.GetString(4), r.GetDecimal(5)), DateTimeOffset.MaxValue));
        var books = await Host.Reconciliation.Books.ReadAsync(_ => database, charges, forgotten: DateTimeOffset.MinValue, Slice.All, CancellationToken.None);
        return new Reconciler(books, settledBefore: DateTimeOffset.MaxValue).Find();
    }
}
