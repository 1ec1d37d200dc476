namespace OrderSaga.Contracts;

/// <summary>Asks for the price to be fixed. Answered by <see cref="PriceFrozen"/> or <see cref="PriceRefused"/>.</summary>
public sealed record FreezePrice(Guid OrderId, string Currency, IReadOnlyList<OrderLine> Lines);

/// <summary>The price is fixed: this is what will be charged.</summary>
public sealed record PriceFrozen(Guid OrderId, decimal Total, string Currency);

/// <summary>The price that the customer saw is not the price any more, or there is none.</summary>
public sealed record PriceRefused(Guid OrderId, string Reason, string? Detail = null);

/// <summary>Undoes <see cref="FreezePrice"/>.</summary>
public sealed record ReleasePrice(Guid OrderId);

/// <summary>The price is not fixed any more; or it never was, and will not be.</summary>
public sealed record PriceReleased(Guid OrderId, bool NothingToUndo = false);
