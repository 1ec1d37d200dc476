using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Services;

/// <summary>How many parcels can be delivered on a day, and how many of them are taken.</summary>
internal sealed class DeliverySlot
{
    public required DateOnly Day { get; init; }

    public required int Capacity { get; init; }

    public required int Taken { get; init; }
}

/// <summary>
/// How slots change: by one conditional update. Lock order: the slot before the parcel, always. (A repeated command that holds the slot
/// waits for whoever changes the parcel that it was about to put in.)
/// </summary>
internal static class SlotChanges
{
    /// <summary>Takes the first day that is free, if one is.</summary>
    public static async Task<DateOnly?> TakeSlotAsync(this ShippingDb db, DateOnly first, ShippingOptions options, CancellationToken ct)
    {
        var last = first.AddDays(options.SlotDays - 1);
        var free = await db.Slots.AsNoTracking().Where(s => s.Day >= first && s.Day <= last).ToDictionaryAsync(s => s.Day, s => s.Capacity - s.Taken, ct).ConfigureAwait(false);
        for (var day = first; day <= last; day = day.AddDays(1))
        {
            if (!free.TryGetValue(day, out var left))
            {
                // The day's first parcel. Of several that come at once one is, and the others begin again.
                db.Add(new DeliverySlot { Day = day, Capacity = options.SlotCapacity, Taken = 1 });
                return day;
            }

            // What was read says where to look, the update whether it is still so.
            if (left > 0 && await db.Slots.Where(s => s.Day == day && s.Taken < s.Capacity)
                .ExecuteUpdateAsync(set => set.SetProperty(s => s.Taken, s => s.Taken + 1), ct).ConfigureAwait(false) == 1)
                return day;
        }

        return null;
    }

    /// <summary>Gives the day of a parcel back.</summary>
    public static Task GiveSlotBackAsync(this ShippingDb db, Guid orderId, CancellationToken ct) =>
        db.Slots.Where(s => db.Shipments.Any(p => p.OrderId == orderId && p.DeliveryDay == s.Day))
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Taken, s => s.Taken - 1), ct);
}
