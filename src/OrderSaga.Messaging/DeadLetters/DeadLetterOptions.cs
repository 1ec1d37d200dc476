using Microsoft.Extensions.Configuration;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>The section <c>DeadLetters</c> of the configuration: how many are kept, how long, how large.</summary>
public sealed class DeadLetterOptions
{
    public const string Section = "DeadLetters";

    /// <summary>How many of one queue may wait for a person, and how many that were decided about are kept.</summary>
    public int MostPerQueue { get; set; } = 10_000;

    /// <summary>How long those are kept that were decided about.</summary>
    public TimeSpan Kept { get; set; } = TimeSpan.FromDays(30);

    /// <summary>The largest body that is kept whole, in bytes; of a larger one its beginning is, to be looked at.</summary>
    public int LargestBody { get; set; } = 256 * 1024;

    /// <summary>What is wrong with the section, with the key, its value and the remedy.</summary>
    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) =>
        Messaging.Section.Check<DeadLetterOptions>(configuration, Section, "MostPerQueue and LargestBody are whole numbers, Kept looks like 30.00:00:00.", o => o.Check());

    private IEnumerable<(string Key, string? Value, string Remedy)> Check()
    {
        if (MostPerQueue is < 1 or > 1_000_000)
            yield return (nameof(MostPerQueue), $"{MostPerQueue}", "it must be from 1 to 1000000.");
        if (Kept < TimeSpan.FromHours(1) || Kept > TimeSpan.FromDays(3650))
            yield return (nameof(Kept), $"{Kept}", "it must be from 01:00:00 to ten years (3650.00:00:00).");
        if (LargestBody is < 1024 or > 64 * 1024 * 1024)
            yield return (nameof(LargestBody), $"{LargestBody}", "it must be a number of bytes from 1024 to 67108864.");
    }
}
