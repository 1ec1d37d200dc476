using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// That a step has begun and is not answered yet: one row per order and step, written in the transaction in which it begins. What it is
/// about stands in the participant's own tables, what became of it in the step log.
/// </summary>
internal sealed class UnderWay
{
    public required Guid OrderId { get; init; }

    public required string Step { get; init; }

    /// <summary>The ask that began it: the answer's id derives from it.</summary>
    public required Guid Command { get; init; }

    /// <summary>Tells the business content of the command from another; none where it never began.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Since when.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>When somebody should carry on with it. None: it has ended, or never began.</summary>
    public DateTimeOffset? Due { get; private set; }

    /// <summary>Until when its silence need not be taken for an answer, as was last said.</summary>
    public DateTimeOffset Promised { get; private set; }

    /// <summary>Counts the changes: of two that carry on with it at once, one wins.</summary>
    public int Version { get; private set; }

    /// <summary>Returns whether that was not said before.</summary>
    public bool Promise(Later later)
    {
        var isNews = later.Until > Promised;
        (Due, Promised) = (later.Look, isNews ? later.Until : Promised);
        Version++;
        return isNews;
    }

    public void End()
    {
        Due = null;
        Version++;
    }
}

/// <summary>A step is not done yet.</summary>
/// <param name="Look">When somebody should carry on with it.</param>
/// <param name="Until">Until when its silence must not be taken for an answer.</param>
internal sealed record Later(DateTimeOffset Look, DateTimeOffset Until);

public static class StepsUnderWay
{
    /// <summary>Gives a service's schema what its steps need that take their time.</summary>
    public static void AddUnderWay(this ModelBuilder model) => model.Entity<UnderWay>(step =>
    {
        step.ToTable("under_way");
        step.HasKey(s => new { s.OrderId, s.Step });
        step.Property(s => s.Step).HasMaxLength(64);
        step.Property(s => s.Fingerprint).HasMaxLength(32);
        step.Property(s => s.Version).IsConcurrencyToken();
        step.HasIndex(s => s.Due).HasFilter("due IS NOT NULL").HasDatabaseName("ix_due");
    });
}
