using Microsoft.Extensions.Configuration;

namespace OrderSaga.Services;

/// <summary>The section <c>Shipping</c> of the configuration.</summary>
internal sealed class ShippingOptions
{
    public const string Section = "Shipping";

    private const int MostDays = 365;
    private static readonly TimeSpan LongestPacking = TimeSpan.FromDays(30);

    /// <summary>How long the warehouse takes to pick and pack a parcel; none, and it is there at once.</summary>
    public TimeSpan PackingTime { get; set; }

    /// <summary>How many parcels are delivered on a day that nothing else is said of.</summary>
    public int SlotCapacity { get; set; } = 100_000;

    /// <summary>How many days ahead a delivery may be, from tomorrow on.</summary>
    public int SlotDays { get; set; } = 14;

    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) =>
        Messaging.Section.Check<ShippingOptions>(configuration, Section, "times look like 00:30:00, the others are numbers.", o => o.Check());

    private IEnumerable<(string Key, string? Value, string Remedy)> Check()
    {
        if (PackingTime < TimeSpan.Zero || PackingTime > LongestPacking)
            yield return (nameof(PackingTime), $"{PackingTime}", $"packing takes from no time (00:00:00) to {LongestPacking.Days} days.");
        if (SlotCapacity < 1)
            yield return (nameof(SlotCapacity), $"{SlotCapacity}", "at least one parcel is delivered on a day; to close a day, set its capacity in shipping.delivery_slots to 0.");
        if (SlotDays is < 1 or > MostDays)
            yield return (nameof(SlotDays), $"{SlotDays}", $"a delivery is 1 to {MostDays} days ahead.");
    }
}
