using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>
/// Makes the parcel of an order, for the first day on which one more can be delivered; and stops it, until it is handed over. If the
/// warehouse takes its time, whoever waits hears from time to time that it is at work.
/// </summary>
internal sealed class CreateShipmentStep(ShippingDb db, IOptions<ShippingOptions> options, TimeProvider time)
    : LongStep<ShippingDb, CreateShipment, CancelShipment>(db)
{
    // Each beat excuses the silence for three, so two may get lost.
    private static readonly TimeSpan Beat = TimeSpan.FromMinutes(1);

    protected override object BusinessOf(CreateShipment ask) => new { ask.ShippingAddress, Lines = ask.Lines.Select(l => new { l.ProductId, l.Quantity }) };

    /// <summary>Makes the parcels that can be made, as far as there are days for them.</summary>
    protected override async Task PrepareAsync(IReadOnlyList<CreateShipment> asks, CancellationToken ct)
    {
        var (now, how, fit) = (time.GetUtcNow(), options.Value, asks.Where(a => WhyNot(a.ShippingAddress) is null).ToList());
        if (fit is [])
            return;
        var days = await Db.TakeSlotsAsync(fit.Count, DateOnly.FromDateTime(now.UtcDateTime).AddDays(1), how, ct).ConfigureAwait(false);
        foreach (var (ask, day) in fit.Zip(days))
            Add(ask, day, how.PackingTime > TimeSpan.Zero ? now + how.PackingTime : null);
    }

    // Of those who share a commit, a day that had some places less by now gives none: who got no day looks again alone.
    protected override Task<StepAnswer> DoAsync(CreateShipment ask, CancellationToken ct) => Task.FromResult(
        WhyNot(ask.ShippingAddress) is { } detail ? RefusedAtOnce(Refusal(ask.OrderId, "BAD_ADDRESS", detail))
        : Db.Shipments.Local.FindEntry(ask.OrderId)?.Entity is not { } made ? Refused(Refusal(ask.OrderId, "NO_DELIVERY_SLOT", $"No delivery is free within {options.Value.SlotDays} days."))
        : made.PackedAt is { } packed ? Busy(time.GetUtcNow(), packed)
        : Done(new ShipmentCreated(ask.OrderId, made.LabelNumber)));

    protected override async Task<StepAnswer> CarryOnAsync(Guid orderId, DateTimeOffset since, CancellationToken ct)
    {
        var shipment = await Db.Shipments.AsNoTracking().SingleAsync(s => s.OrderId == orderId, ct).ConfigureAwait(false);
        if (time.GetUtcNow() is var now && shipment.PackedAt is { } packed && packed > now)
            return Busy(now, packed);
        await Db.Shipments.Where(s => s.OrderId == orderId && s.Status == ShipmentStatus.Packing)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Status, ShipmentStatus.Created), ct).ConfigureAwait(false);
        return Done(new ShipmentCreated(orderId, shipment.LabelNumber));
    }

    protected override async Task<object> UndoAsync(CancelShipment ask, CancellationToken ct)
    {
        await Db.GiveSlotBackAsync(ask.OrderId, ct).ConfigureAwait(false);
        if (await Db.Shipments.Where(s => s.OrderId == ask.OrderId && s.Status != ShipmentStatus.HandedOver)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Status, ShipmentStatus.Cancelled), ct).ConfigureAwait(false) == 1)
            return new ShipmentCancelled(ask.OrderId);
        await RollBackEffectAsync(ct).ConfigureAwait(false);
        return TooLate(new ShipmentNotCancelled(ask.OrderId, "HANDED_OVER", "The carrier has the parcel."));
    }

    protected override object NothingToUndo(Guid orderId) => new ShipmentCancelled(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new ShipmentRefused(orderId, reason, detail);

    protected override object StillAtWork(Guid orderId, DateTimeOffset until) => new StepProgress(orderId, Name, until);

    private static StepAnswer Busy(DateTimeOffset now, DateTimeOffset packed) => Later(packed < now + Beat ? packed : now + Beat, now + 3 * Beat);

    private void Add(CreateShipment ask, DateOnly day, DateTimeOffset? packed)
    {
        var to = ask.ShippingAddress;
        Db.Add(new Shipment
        {
            OrderId = ask.OrderId,
            Status = packed is null ? ShipmentStatus.Created : ShipmentStatus.Packing,
            LabelNumber = $"lb_{MessageId.Derive(ask.OrderId, SagaHeaders.KeyOf(ask.OrderId, Name)):N}",
            Name = to.Name,
            Street = to.Street,
            City = to.City,
            PostalCode = to.PostalCode,
            Country = to.Country.ToUpperInvariant(),
            DeliveryDay = day,
            PackedAt = packed,
        });
    }

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
