namespace OrderSaga.Messaging.Clock;

/// <summary>How far ahead of real time a clock is: the shop's, which all processes follow, and what each of them has taken over of it.</summary>
public sealed class ClockRow
{
    /// <summary>The shop's.</summary>
    public const string Shop = "shop";

    public const int LongestName = 200;

    public required string Name { get; init; }

    public long AheadMs { get; init; }

    /// <summary>In real time.</summary>
    public required DateTimeOffset SeenAt { get; init; }
}
