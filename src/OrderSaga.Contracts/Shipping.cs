namespace OrderSaga.Contracts;

/// <summary>Asks for a parcel. Answered by <see cref="ShipmentCreated"/> or <see cref="ShipmentRefused"/>.</summary>
public sealed record CreateShipment(Guid OrderId, Address ShippingAddress, IReadOnlyList<StockLine> Lines);

/// <summary>The parcel is on its way into the world, under this label.</summary>
public sealed record ShipmentCreated(Guid OrderId, string LabelNumber);

/// <summary>There will be no parcel.</summary>
public sealed record ShipmentRefused(Guid OrderId, string Reason, string? Detail = null);

/// <summary>Undoes <see cref="CreateShipment"/>. Answered by <see cref="ShipmentCancelled"/> or <see cref="ShipmentNotCancelled"/>.</summary>
public sealed record CancelShipment(Guid OrderId);

/// <summary>The parcel stays here; or there was none, and none will be made.</summary>
public sealed record ShipmentCancelled(Guid OrderId, bool NothingToUndo = false);

/// <summary>Too late: the parcel was handed over.</summary>
public sealed record ShipmentNotCancelled(Guid OrderId, string Reason, string? Detail = null);
