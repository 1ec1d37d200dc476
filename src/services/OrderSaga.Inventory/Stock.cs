using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Services;

/// <summary>What there is of a product; <see cref="Reserved"/> of what is on hand belongs to orders that have not ended.</summary>
internal sealed class Stock
{
    public const int LongestProductId = 64;

    public required string ProductId { get; init; }

    public required long OnHand { get; init; }

    public long Reserved { get; init; }
}

/// <summary>What one order holds of one product.</summary>
internal sealed class Reservation
{
    public required Guid OrderId { get; init; }

    public required string ProductId { get; init; }

    public required long Quantity { get; init; }

    /// <summary><see cref="ReservationStatus"/>.</summary>
    public required string Status { get; init; }
}

internal static class ReservationStatus
{
    public const string Pending = "PENDING";

    /// <summary>Others hold it, and the order waits for them: it holds nothing itself.</summary>
    public const string Waiting = "WAITING";

    /// <summary>It waited in vain.</summary>
    public const string Refused = "REFUSED";
    public const string Committed = "COMMITTED";
    public const string Released = "RELEASED";
}

/// <summary>
/// How stock changes: by conditional updates only, never by reading and writing back. Lock order: reservations that
/// are there before any stock, products by ordinal name, new reservations last, when all is saved.
/// </summary>
internal static class StockChanges
{
    /// <summary>Takes a quantity if that much is free.</summary>
    public static async Task<bool> TryReserveAsync(this InventoryDb db, string productId, long quantity, CancellationToken ct) =>
        await db.Stock.Where(s => s.ProductId == productId && s.OnHand - s.Reserved >= quantity)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Reserved, s => s.Reserved + quantity), ct).ConfigureAwait(false) == 1;

    /// <summary>Sets how much is on hand, unless more than that is promised to orders.</summary>
    public static async Task<bool> TrySetAsync(this InventoryDb db, string productId, long onHand, CancellationToken ct) =>
        await db.Stock.Where(s => s.ProductId == productId && s.Reserved <= onHand)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.OnHand, onHand), ct).ConfigureAwait(false) == 1;

    /// <summary>Marks of an order that hold nothing become others.</summary>
    public static Task MoveAsync(this InventoryDb db, Guid orderId, string from, string to, CancellationToken ct) =>
        db.Reservations.Where(r => r.OrderId == orderId && r.Status == from).ExecuteUpdateAsync(set => set.SetProperty(r => r.Status, to), ct);

    /// <summary>Gives free what an order holds.</summary>
    public static Task ReleaseAsync(this InventoryDb db, Guid orderId, CancellationToken ct) => db.EndAsync([orderId], ReservationStatus.Released, ct);

    /// <summary>What orders hold has left the house.</summary>
    public static Task CommitAsync(this InventoryDb db, IReadOnlyList<Guid> orders) => db.EndAsync(orders, ReservationStatus.Committed, CancellationToken.None);

    private static async Task EndAsync(this InventoryDb db, IReadOnlyList<Guid> orders, string status, CancellationToken ct)
    {
        var held = await db.Reservations.AsNoTracking().Where(r => orders.Contains(r.OrderId) && r.Status == ReservationStatus.Pending)
            .ToListAsync(ct).ConfigureAwait(false);
        foreach (var of in held.GroupBy(r => r.ProductId).OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            // Of just those that were read: what another order has reserved since then is not in the sum.
            var (productId, quantity, marks, read) = (of.Key, of.Sum(r => r.Quantity), of.Count(), of.Select(r => r.OrderId).ToList());
            var ended = await db.Reservations.Where(r => read.Contains(r.OrderId) && r.ProductId == productId && r.Status == ReservationStatus.Pending)
                .ExecuteUpdateAsync(set => set.SetProperty(r => r.Status, status), ct).ConfigureAwait(false);
            if (ended == 0)
                continue; // somebody else ended it since it was read
            if (ended < marks)
                throw new DbUpdateConcurrencyException($"Some of {marks} reservations of {productId} were ended by somebody else just now.");
            var leaves = status == ReservationStatus.Committed ? quantity : 0;
            await db.Stock.Where(s => s.ProductId == productId)
                .ExecuteUpdateAsync(set => set.SetProperty(s => s.OnHand, s => s.OnHand - leaves).SetProperty(s => s.Reserved, s => s.Reserved - quantity), ct)
                .ConfigureAwait(false);
        }
    }
}
