namespace OrderSaga.Contracts;

/// <summary>Asks for the parcel to be wrapped. Answered by <see cref="GiftWrapped"/> or <see cref="GiftWrapRefused"/>.</summary>
public sealed record WrapGift(Guid OrderId, IReadOnlyList<StockLine> Lines);

/// <summary>The parcel is wrapped.</summary>
public sealed record GiftWrapped(Guid OrderId);

/// <summary>The parcel was not wrapped.</summary>
public sealed record GiftWrapRefused(Guid OrderId, string Reason, string? Detail = null);

/// <summary>Undoes <see cref="WrapGift"/>.</summary>
public sealed record UnwrapGift(Guid OrderId);

/// <summary>The parcel is unwrapped; or it was not wrapped, and will not be.</summary>
public sealed record GiftUnwrapped(Guid OrderId, bool NothingToUndo = false);
