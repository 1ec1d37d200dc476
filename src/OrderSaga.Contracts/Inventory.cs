namespace OrderSaga.Contracts;

/// <summary>Asks for stock to be held. Answered by <see cref="InventoryReserved"/> or <see cref="InventoryRefused"/>.</summary>
public sealed record ReserveInventory(Guid OrderId, IReadOnlyList<StockLine> Lines);

/// <summary>How much of one product.</summary>
public sealed record StockLine(string ProductId, int Quantity);

/// <summary>All lines are held for the order.</summary>
public sealed record InventoryReserved(Guid OrderId);

/// <summary>Nothing is held: <paramref name="Products"/> are short or unknown.</summary>
public sealed record InventoryRefused(Guid OrderId, string Reason, string? Detail = null, IReadOnlyList<string>? Products = null);

/// <summary>Undoes <see cref="ReserveInventory"/>.</summary>
public sealed record ReleaseInventory(Guid OrderId);

/// <summary>What was held is free again; or nothing was held, and nothing will be.</summary>
public sealed record InventoryReleased(Guid OrderId, bool NothingToUndo = false);
