namespace OrderSaga.Contracts;

/// <summary>Asks the order service to keep the order. Answered by <see cref="OrderCreated"/> or <see cref="OrderRefused"/>.</summary>
public sealed record CreateOrder(Guid OrderId, Customer Customer, string Currency, IReadOnlyList<OrderLine> Lines);

/// <summary>The order is kept.</summary>
public sealed record OrderCreated(Guid OrderId);

/// <summary>The order was not kept.</summary>
public sealed record OrderRefused(Guid OrderId, string Reason, string? Detail = null);

/// <summary>Undoes <see cref="CreateOrder"/>: the order is marked cancelled, never deleted.</summary>
public sealed record CancelOrder(Guid OrderId);

/// <summary>The order is cancelled; or there was none, and none will come.</summary>
public sealed record OrderCancelled(Guid OrderId, bool NothingToUndo = false);
