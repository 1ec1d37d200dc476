using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Services;

/// <summary>How the parcel of an order stands, for who knows the order; that the carrier took it, from operators.</summary>
internal static class ShipmentsApi
{
    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/shipping/shipments/{orderId:guid}", ReadAsync)
            .WithSummary("Read how the parcel of an order stands")
            .Answers(200, "The parcel.", typeof(Parcel))
            .Refuses(404, "shipment-unknown", "no parcel was made for the order");
        app.MapPost("/shipping/shipments/{orderId:guid}/hand-over", HandOverAsync).ForOperators()
            .WithSummary("Say that the carrier has the parcel")
            .Answers(200, "It is handed over, and cannot be cancelled any more.", typeof(Parcel))
            .Refuses(403, "operators-only", "only operators may do this")
            .Refuses(404, "shipment-unknown", "no parcel was made for the order")
            .Refuses(409, "shipment-not-packed", "the warehouse is still at it")
            .Refuses(409, "shipment-cancelled", "it was cancelled before");
    }

    private static async Task<IResult> ReadAsync(Guid orderId, ShippingDb db, CancellationToken ct) =>
        await FindAsync(orderId, db, ct).ConfigureAwait(false) is { } parcel ? Results.Ok(parcel) : Unknown(orderId);

    // One conditional update, as the cancel is one: of the two that race, the database lets one be first. May be said twice.
    private static async Task<IResult> HandOverAsync(Guid orderId, ShippingDb db, CancellationToken ct)
    {
        await db.Shipments.Where(s => s.OrderId == orderId && s.Status == ShipmentStatus.Created)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Status, ShipmentStatus.HandedOver), ct).ConfigureAwait(false);
        return await FindAsync(orderId, db, ct).ConfigureAwait(false) switch
        {
            null => Unknown(orderId),
            { Status: ShipmentStatus.HandedOver } parcel => Results.Ok(parcel),
            { Status: ShipmentStatus.Packing } => Problems.Of(409, "shipment-not-packed", "The parcel is not packed yet.", $"The warehouse is still at the parcel of {orderId}."),
            _ => Problems.Of(409, "shipment-cancelled", "The parcel stays here.", $"The parcel of {orderId} was cancelled before it was handed over."),
        };
    }

    private static IResult Unknown(Guid orderId) => Problems.Of(404, "shipment-unknown", "There is no such parcel.", $"No parcel was made for the order {orderId}.");

    private static Task<Parcel?> FindAsync(Guid orderId, ShippingDb db, CancellationToken ct) => db.Shipments.AsNoTracking().Where(s => s.OrderId == orderId)
        .Select(s => new Parcel(s.OrderId, s.Status, s.LabelNumber, s.DeliveryDay, s.PackedAt)).SingleOrDefaultAsync(ct);

    // Where it goes is nobody's business here.
    private sealed record Parcel(Guid OrderId, string Status, string LabelNumber, DateOnly? DeliveryDay, DateTimeOffset? PackedAt);
}
