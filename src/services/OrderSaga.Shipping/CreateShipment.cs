using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>Makes the parcel of an order, and stops it.</summary>
internal sealed class CreateShipmentStep(ShippingDb db) : Step<ShippingDb, CreateShipment, CancelShipment>(db)
{
    protected override object BusinessOf(CreateShipment ask) => new { ask.ShippingAddress, Lines = ask.Lines.Select(l => new { l.ProductId, l.Quantity }) };

    protected override Task<StepAnswer> DoAsync(CreateShipment ask, CancellationToken ct)
    {
        var to = ask.ShippingAddress;
        if (WhyNot(to) is { } detail)
            return Task.FromResult(Refused(Refusal(ask.OrderId, "BAD_ADDRESS", detail)));
        var shipment = new Shipment
        {
            OrderId = ask.OrderId,
            Status = ShipmentStatus.Created,
            LabelNumber = $"lb_{MessageId.Derive(ask.OrderId, SagaHeaders.KeyOf(ask.OrderId, Name)):N}",
            Name = to.Name,
            Street = to.Street,
            City = to.City,
            PostalCode = to.PostalCode,
            Country = to.Country.ToUpperInvariant(),
        };
        Db.Add(shipment);
        return Task.FromResult(Done(new ShipmentCreated(ask.OrderId, shipment.LabelNumber)));
    }

    protected override async Task<object> UndoAsync(CancelShipment ask, CancellationToken ct)
    {
        await Db.Shipments.Where(s => s.OrderId == ask.OrderId)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Status, ShipmentStatus.Cancelled), ct).ConfigureAwait(false);
        return new ShipmentCancelled(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new ShipmentCancelled(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new ShipmentRefused(orderId, reason, detail);

    private static string? WhyNot(Address to) => to switch
    {
        { Country: not { Length: 2 } } => "A country is named by two letters.",
        _ when !to.Country.All(char.IsAsciiLetter) => "A country is named by two letters.",
        _ when !Fits(to.Name, Shipment.LongestLine) => $"The name has 1 to {Shipment.LongestLine} characters.",
        _ when !Fits(to.Street, Shipment.LongestLine) => $"The street has 1 to {Shipment.LongestLine} characters.",
        _ when !Fits(to.City, Shipment.LongestLine) => $"The city has 1 to {Shipment.LongestLine} characters.",
        // Some countries have no postal codes.
        { PostalCode: null or { Length: > Shipment.LongestPostalCode } } => $"The postal code has up to {Shipment.LongestPostalCode} characters.",
        _ => null,
    };

    private static bool Fits(string line, int longest) => !string.IsNullOrWhiteSpace(line) && line.Length <= longest;
}
