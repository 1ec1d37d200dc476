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
/// How slots change: by conditional updates only. Lock order: the slot before the parcel, always. (A repeated command that holds the slot
/// waits for whoever changes the parcel that it was about to put in.)
/// </summary>
internal static class SlotChanges
{
    /// <summary>Takes the first days that are free for so many parcels, or for fewer, if there are no more; each day as often as parcels go on it.</summary>
    public static async Task<List<DateOnly>> TakeSlotsAsync(this ShippingDb db, int parcels, DateOnly first, ShippingOptions options, CancellationToken ct)
    {
        var last = first.AddDays(options.SlotDays - 1);
        var free = await db.Slots.AsNoTracking().Where(s => s.Day >= first && s.Day <= last).ToDictionaryAsync(s => s.Day, s => s.Capacity - s.Taken, ct).ConfigureAwait(false);
        var taken = new List<DateOnly>(parcels);
        for (var day = first; day <= last && taken.Count < parcels; day = day.AddDays(1))
        {
            var isNew = !free.TryGetValue(day, out var left);
            var some = Math.Min(parcels - taken.Count, isNew ? options.SlotCapacity : left);
            // The day's first parcels: of several processes that make the day one does, and the others begin again.
            if (isNew)
                db.Add(new DeliverySlot { Day = day, Capacity = options.SlotCapacity, Taken = some });
            // What was read says where to look, the update whether it is still so.
            else if (some <= 0 || await db.Slots.Where(s => s.Day == day && s.Taken + some <= s.Capacity)
                .ExecuteUpdateAsync(set => set.SetProperty(s => s.Taken, s => s.Taken + some), ct).ConfigureAwait(false) == 0)
                continue;
            taken.AddRange(Enumerable.Repeat(day, some));
        }

        return taken;
    }

    /// <summary>Gives the day of a parcel back.</summary>
    public static Task GiveSlotBackAsync(this ShippingDb db, Guid orderId, CancellationToken ct) =>
        db.Slots.Where(s => db.Shipments.Any(p => p.OrderId == orderId && p.DeliveryDay == s.Day))
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Taken, s => s.Taken - 1), ct);
}
