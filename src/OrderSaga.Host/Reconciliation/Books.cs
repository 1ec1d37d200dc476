using System.Data.Common;
using System.Runtime.CompilerServices;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host.Reconciliation;

/// <summary>An order as its saga has it.</summary>
internal sealed record SagaBook(string Status, string Route, decimal? Total, string? Currency, DateTimeOffset? EndedAt);

internal sealed record ChargeBook(Guid OrderId, decimal Amount, string Currency, string Status, string ChargeId);

internal sealed record ReservationBook(Guid OrderId, string ProductId);

internal sealed record StatusBook(Guid OrderId, string Status);

internal sealed record NoticeBook(Guid OrderId, string Kind);

/// <summary>A charge as the gateway has it.</summary>
internal readonly record struct GatewayBook(string Id, Guid OrderId, decimal Amount, string Currency, string Status, decimal Refunded)
{
    public decimal Net => Status == "charged" ? Amount - Refunded : 0;
}

/// <summary>An entry, and when something was last done about it.</summary>
internal readonly record struct Dated<T>(T Book, DateTimeOffset Last);

/// <summary>The orders whose ids come after the first and up to the last, as the databases sort them.</summary>
internal readonly record struct Slice(Guid After, Guid To)
{
    public static readonly Slice All = new(Guid.Empty, Guid.AllBitsSet);
}

/// <summary>
/// What everybody's books say of some orders. The participants' are read before the saga's: whatever has an effect has had its order's row
/// before that, so an effect that finds no order is none that came in between.
/// </summary>
internal sealed record Books(
    IReadOnlyList<GatewayBook>? Gateway,
    IReadOnlyList<ChargeBook> Charges,
    IReadOnlyList<ReservationBook> Marks,
    IReadOnlySet<Guid> Taken,
    IReadOnlyList<string> Unbalanced,
    IReadOnlyList<StatusBook> Shipments,
    IReadOnlyList<NoticeBook> Notices,
    IReadOnlyList<StatusBook> Orders,
    IReadOnlyDictionary<Guid, SagaBook> Sagas,
    IReadOnlySet<(Guid OrderId, string Step)> Stuck)
{
    // About three kB each: a slice must not be felt in a process that carries orders out.
    private const int InASlice = 2000;

    private const string InSlice = "order_id > @after AND order_id <= @to";

    // Every table that has rows of orders which no other may have.
    private static readonly (string Role, string Table)[] Tables =
    [
        ("payment", "payment.charges"), ("inventory", "inventory.reservations"), ("shipping", "shipping.shipments"), ("notification", "notification.notifications"), ("orders", "orders.orders"),
        ("orchestrator", "checkout.order_state"), ("orchestrator", "checkout.order_archive"),
    ];

    /// <summary>All of the books, some orders at a time: so many rows of each table at most.</summary>
    /// <param name="databaseOf">The database of a role.</param>
    /// <param name="gateway">The gateway's book, read before; it is sorted. It alone is kept whole, for a gateway is asked page by page in an order of its own.</param>
    /// <param name="forgotten">What nobody has touched since then, and no saga knows, may belong to an order that is forgotten by now: it is left out.</param>
    /// <param name="ct">Ends it.</param>
    /// <param name="most">How many.</param>
    public static async IAsyncEnumerable<Books> SlicesAsync(
        Func<string, Database> databaseOf, List<Dated<GatewayBook>>? gateway, DateTimeOffset forgotten, [EnumeratorCancellation] CancellationToken ct, int most = InASlice)
    {
        var ids = databaseOf("orchestrator").OrderOfIds;
        gateway?.Sort((a, b) => ids.Compare(a.Book.OrderId, b.Book.OrderId));
        var (slice, begin) = (new Slice(Guid.Empty, Guid.Empty), 0);
        do
        {
            slice = new(slice.To, gateway is not null && begin + most <= gateway.Count ? gateway[begin + most - 1].Book.OrderId : Slice.All.To);
            foreach (var (role, table) in Tables)
            {
                var next = await ReadAsync(databaseOf(role), $"SELECT order_id FROM {table} WHERE {InSlice} ORDER BY order_id OFFSET {most - 1} ROWS FETCH NEXT 1 ROWS ONLY", slice, r => r.GetGuid(0), ct).ConfigureAwait(false);
                if (next is [var nearer])
                    slice = slice with { To = nearer };
            }

            var end = begin;
            while (end < gateway?.Count && ids.Compare(gateway[end].Book.OrderId, slice.To) <= 0)
                end++;
            yield return await ReadAsync(databaseOf, gateway?.GetRange(begin, end - begin), forgotten, slice, ct).ConfigureAwait(false);
            begin = end;
        }
        while (slice.To != Slice.All.To);
    }

    /// <summary>The books of a slice of orders; what is no order's is in the last one's.</summary>
    /// <inheritdoc cref="SlicesAsync"/>
    public static async Task<Books> ReadAsync(Func<string, Database> databaseOf, IReadOnlyList<Dated<GatewayBook>>? gateway, DateTimeOffset forgotten, Slice slice, CancellationToken ct)
    {
        Task<List<T>> From<T>(string role, string sql, Func<DbDataReader, T> read) => ReadAsync(databaseOf(role), sql, slice, read, ct);
        var charges = await From("payment", $"SELECT order_id, amount, currency, status, charge_id, (SELECT MAX(at) FROM payment.step_log l WHERE l.order_id = c.order_id) FROM payment.charges c WHERE {InSlice}",
            r => Last(new ChargeBook(r.GetGuid(0), r.GetDecimal(1), r.GetString(2), r.GetString(3), r.GetString(4)), r)).ConfigureAwait(false);
        var marks = await From("inventory", $"SELECT order_id, product_id FROM inventory.reservations WHERE status = 'PENDING' AND {InSlice}",
            r => new ReservationBook(r.GetGuid(0), r.GetString(1))).ConfigureAwait(false);
        var left = await From("inventory", $"SELECT order_id, 'COMMITTED', (SELECT MAX(at) FROM inventory.step_log l WHERE l.order_id = r.order_id) FROM (SELECT DISTINCT order_id FROM inventory.reservations WHERE status = 'COMMITTED' AND {InSlice}) r",
            Status).ConfigureAwait(false);
        // One statement, so that both tables are seen at one moment.
        var unbalanced = slice.To != Slice.All.To ? [] : await From("inventory", """
            SELECT s.product_id FROM inventory.stock s
            LEFT JOIN (SELECT product_id, SUM(quantity) AS held FROM inventory.reservations WHERE status = 'PENDING' GROUP BY product_id) h ON h.product_id = s.product_id
            WHERE s.on_hand < 0 OR s.reserved < 0 OR s.reserved > s.on_hand OR s.reserved <> COALESCE(h.held, 0)
            """, r => r.GetString(0)).ConfigureAwait(false);
        var shipments = await From("shipping", $"SELECT order_id, status, (SELECT MAX(at) FROM shipping.step_log l WHERE l.order_id = s.order_id) FROM shipping.shipments s WHERE status <> 'CANCELLED' AND {InSlice}", Status).ConfigureAwait(false);
        var notices = await From("notification", $"SELECT order_id, kind, at FROM notification.notifications WHERE {InSlice}", r => Last(new NoticeBook(r.GetGuid(0), r.GetString(1)), r)).ConfigureAwait(false);
        var orders = await From("orders", $"SELECT order_id, status, at FROM orders.orders WHERE {InSlice}", Status).ConfigureAwait(false);
        // One statement again: an order may be archived, or come back, while they are read.
        var sagas = (await From("orchestrator", $"""
            SELECT order_id, status, route, total, currency, ended_at FROM checkout.order_state WHERE {InSlice}
            UNION ALL SELECT order_id, status, route, total, currency, ended_at FROM checkout.order_archive WHERE {InSlice}
            """, r => (Id: r.GetGuid(0), Saga: Saga(r))).ConfigureAwait(false)).ToDictionary(s => s.Id, s => s.Saga);
        var stuck = await From("orchestrator", $"SELECT order_id, step FROM checkout.stuck WHERE resolved_at IS NULL AND {InSlice}", r => (r.GetGuid(0), r.GetString(1))).ConfigureAwait(false);
        return new(gateway is null ? null : Kept(gateway, g => g.OrderId), Kept(charges, c => c.OrderId), marks, Kept(left, t => t.OrderId).Select(t => t.OrderId).ToHashSet(), unbalanced,
            Kept(shipments, s => s.OrderId), Kept(notices, n => n.OrderId), Kept(orders, o => o.OrderId), sagas, stuck.ToHashSet());

        List<T> Kept<T>(IEnumerable<Dated<T>> books, Func<T, Guid> orderOf) => [.. books.Where(b => b.Last >= forgotten || sagas.ContainsKey(orderOf(b.Book))).Select(b => b.Book)];

        static Dated<T> Last<T>(T book, DbDataReader r) => new(book, r.IsDBNull(r.FieldCount - 1) ? DateTimeOffset.MinValue : r.GetFieldValue<DateTimeOffset>(r.FieldCount - 1));

        static Dated<StatusBook> Status(DbDataReader r) => Last(new StatusBook(r.GetGuid(0), r.GetString(1)), r);

        static SagaBook Saga(DbDataReader r) => new(
            r.GetString(1), r.GetString(2), r.IsDBNull(3) ? null : r.GetDecimal(3), r.IsDBNull(4) ? null : r.GetString(4), r.IsDBNull(5) ? null : r.GetFieldValue<DateTimeOffset>(5));
    }

    private static async Task<List<T>> ReadAsync<T>(Database database, string sql, Slice slice, Func<DbDataReader, T> read, CancellationToken ct)
    {
        await using var command = database.Source.CreateCommand(sql);
        foreach (var (name, id) in new[] { ("after", slice.After), ("to", slice.To) })
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, id);
            command.Parameters.Add(parameter);
        }

        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
            rows.Add(read(reader));
        return rows;
    }
}
