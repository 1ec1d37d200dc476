using Microsoft.Extensions.Configuration;

namespace OrderSaga.Services;

/// <summary>The section <c>Inventory</c> of the configuration.</summary>
internal sealed class InventoryOptions
{
    public const string Section = "Inventory";

    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>What becomes of an order that meets stock which others hold and may yet give free.</summary>
    public PendingPolicy Pending { get; set; }

    /// <summary>How long it waits, if it waits.</summary>
    public TimeSpan PendingTime { get; set; } = TimeSpan.FromSeconds(15);

    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) =>
        Messaging.Section.Check<InventoryOptions>(configuration, Section, "Pending is FailFast or Wait, PendingTime looks like 00:00:15.", o => o.Check());

    private IEnumerable<(string Key, string? Value, string Remedy)> Check()
    {
        if (!Enum.IsDefined(Pending))
            yield return (nameof(Pending), $"{Pending}", "it must be FailFast or Wait.");
        if (PendingTime <= TimeSpan.Zero || PendingTime > Longest)
            yield return (nameof(PendingTime), $"{PendingTime}", $"an order waits longer than nothing and at most {Longest} for stock that others hold.");
    }
}

internal enum PendingPolicy
{
    /// <summary>It is refused at once.</summary>
    FailFast,

    /// <summary>It waits, for a bounded time.</summary>
    Wait,
}
