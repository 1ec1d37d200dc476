using System.Data.Common;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host.Reconciliation;

/// <summary>An order as its saga has it.</summary>
internal sealed record SagaBook(string Status, string Route, decimal? Total, string? Currency, DateTimeOffset? EndedAt);

internal sealed record ChargeBook(Guid OrderId, decimal Amount, string Currency, string Status, string ChargeId);

internal sealed record ReservationBook(Guid OrderId, string ProductId);

internal sealed record StatusBook(Guid OrderId, string Status);

internal sealed record NoticeBook(Guid OrderId, string Kind);

/// <summary>A charge as the gateway has it.</summary>
internal sealed record GatewayBook(string Id, Guid OrderId, decimal Amount, string Currency, string Status, decimal Refunded)
{
    public decimal Net => Status == "charged" ? Amount - Refunded : 0;
}

/// <summary>
/// What everybody's books say. The participants' are read before the saga's: whatever has an effect has had its order's row before that,
/// so an effect that finds no order is none that came in between.
/// </summary>
internal sealed record Books(
    IReadOnlyList<GatewayBook>? Gateway,
    IReadOnlyList<ChargeBook> Charges,
    IReadOnlyList<ReservationBook> Marks,
    IReadOnlyList<string> Unbalanced,
    IReadOnlyList<StatusBook> Shipments,
    IReadOnlyList<NoticeBook> Notices,
    IReadOnlyList<StatusBook> Orders,
    IReadOnlyDictionary<Guid, SagaBook> Sagas,
    IReadOnlySet<(Guid OrderId, string Step)> Stuck)
{
    public static async Task<Books> ReadAsync(Func<string, Database> databaseOf, Func<CancellationToken, Task<IReadOnlyList<GatewayBook>?>> gateway, CancellationToken ct)
    {
        Task<List<T>> From<T>(string role, string sql, Func<DbDataReader, T> read) => ReadAsync(databaseOf(role), sql, read, ct);
        return new(
            await gateway(ct).ConfigureAwait(false),
            await From("payment", "SELECT order_id, amount, currency, status, charge_id FROM payment.charges",
                r => new ChargeBook(r.GetGuid(0), r.GetDecimal(1), r.GetString(2), r.GetString(3), r.GetString(4))).ConfigureAwait(false),
            await From("inventory", "SELECT order_id, product_id FROM inventory.reservations WHERE status = 'PENDING'",
                r => new ReservationBook(r.GetGuid(0), r.GetString(1))).ConfigureAwait(false),
            // One statement, so that both tables are seen at one moment.
            await From("inventory", """
                SELECT s.product_id FROM inventory.stock s
                LEFT JOIN (SELECT product_id, SUM(quantity) AS held FROM inventory.reservations WHERE status = 'PENDING' GROUP BY product_id) h ON h.product_id = s.product_id
                WHERE s.on_hand < 0 OR s.reserved < 0 OR s.reserved > s.on_hand OR s.reserved <> COALESCE(h.held, 0)
                """, r => r.GetString(0)).ConfigureAwait(false),
            await From("shipping", "SELECT order_id, status FROM shipping.shipments WHERE status <> 'CANCELLED'", Status).ConfigureAwait(false),
            await From("notification", "SELECT order_id, kind FROM notification.notifications", r => new NoticeBook(r.GetGuid(0), r.GetString(1))).ConfigureAwait(false),
            await From("orders", "SELECT order_id, status FROM orders.orders", Status).ConfigureAwait(false),
            (await From("orchestrator", "SELECT order_id, status, route, total, currency, ended_at FROM checkout.order_state", r => (Id: r.GetGuid(0), Saga: Saga(r))).ConfigureAwait(false))
                .ToDictionary(s => s.Id, s => s.Saga),
            (await From("orchestrator", "SELECT order_id, step FROM checkout.stuck WHERE resolved_at IS NULL", r => (r.GetGuid(0), r.GetString(1))).ConfigureAwait(false)).ToHashSet());

        static StatusBook Status(DbDataReader r) => new(r.GetGuid(0), r.GetString(1));

        static SagaBook Saga(DbDataReader r) => new(
            r.GetString(1), r.GetString(2), r.IsDBNull(3) ? null : r.GetDecimal(3), r.IsDBNull(4) ? null : r.GetString(4), r.IsDBNull(5) ? null : r.GetFieldValue<DateTimeOffset>(5));
    }

    private static async Task<List<T>> ReadAsync<T>(Database database, string sql, Func<DbDataReader, T> read, CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
            rows.Add(read(reader));
        return rows;
    }
}
