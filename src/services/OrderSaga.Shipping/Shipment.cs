namespace OrderSaga.Services;

/// <summary>The parcel of an order, and what its label says.</summary>
internal sealed class Shipment
{
    public const int LongestLine = 200;
    public const int LongestPostalCode = 20;

    public required Guid OrderId { get; init; }

    /// <summary><see cref="ShipmentStatus"/>.</summary>
    public required string Status { get; init; }

    public required string LabelNumber { get; init; }

    public required string Name { get; init; }

    public required string Street { get; init; }

    public required string City { get; init; }

    public required string PostalCode { get; init; }

    public required string Country { get; init; }

    /// <summary>Its slot; none for parcels from before there were slots.</summary>
    public DateOnly? DeliveryDay { get; init; }

    /// <summary>When the warehouse has it packed, if it takes its time.</summary>
    public DateTimeOffset? PackedAt { get; init; }
}

internal static class ShipmentStatus
{
    /// <summary>The warehouse is at it.</summary>
    public const string Packing = "PACKING";
    public const string Created = "CREATED";

    /// <summary>The carrier has it: it cannot be called back.</summary>
    public const string HandedOver = "HANDED_OVER";
    public const string Cancelled = "CANCELLED";
}
