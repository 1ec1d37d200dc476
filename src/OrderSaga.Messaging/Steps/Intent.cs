using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// That something is about to be tried outside of our database, written before it is tried: one row per order, step and direction. What
/// became of it stands in the step log; the intent only says who is at it, and when somebody should look.
/// </summary>
internal sealed class Intent
{
    public required Guid OrderId { get; init; }

    public required string Step { get; init; }

    /// <summary>True for the undo of the step.</summary>
    public required bool Undo { get; init; }

    /// <summary>Tells the business content of the command from another; none where nothing was ever called, and for an undo.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The ask that it was last taken up for: who finds out what became of it answers that.</summary>
    public Guid Command { get; private set; }

    /// <summary>Since when: the last ask, or the undo that found nothing.</summary>
    public DateTimeOffset At { get; private set; }

    /// <summary>Who is at it; nobody, if whoever asks may take it up at once.</summary>
    public Guid? Owner { get; private set; }

    /// <summary>While it has an owner, how long his lease is; otherwise when somebody should look. None: nothing is left to find out.</summary>
    public DateTimeOffset? Due { get; private set; }

    /// <summary>Counts the changes: of two that take it up at once, one wins.</summary>
    public int Version { get; private set; }

    /// <summary>Somebody else is at it, so far as his lease tells.</summary>
    public bool IsLive(Turn turn) => Owner is { } owner && owner != turn.Owner && Due > turn.Now;

    /// <summary>Taken up for an ask.</summary>
    public DateTimeOffset Take(Turn turn, TimeSpan lease)
    {
        (Command, At) = (turn.Command, turn.Now);
        return Hold(turn, lease);
    }

    /// <summary>Taken up without an ask, to see what became of it. Returns until when.</summary>
    public DateTimeOffset Hold(Turn turn, TimeSpan lease)
    {
        var until = turn.Now + lease;
        (Owner, Due) = (turn.Owner, until);
        Version++;
        return until;
    }

    /// <summary>It is nobody's, and somebody should look then.</summary>
    public void Leave(DateTimeOffset lookAt)
    {
        (Owner, Due) = (null, lookAt);
        Version++;
    }

    /// <summary>Nothing was called: it is kept only as long as an earlier call of the same owner may still land.</summary>
    public void GiveBack(DateTimeOffset? held, DateTimeOffset now, DateTimeOffset lookAt)
    {
        if (held is null || held <= now)
            Leave(lookAt);
        else
            (Due, Version) = (held, Version + 1);
    }

    /// <summary>From here on it is waited for a late effect of it.</summary>
    public void Watch(DateTimeOffset now, DateTimeOffset lookAt)
    {
        At = now;
        Leave(lookAt);
    }

    public void Settle()
    {
        (Owner, Due) = (null, null);
        Version++;
    }
}

public static class Intents
{
    /// <summary>Gives a service's schema what its steps need that act outside of its database.</summary>
    public static void AddIntents(this ModelBuilder model) => model.Entity<Intent>(intent =>
    {
        intent.ToTable("intents");
        intent.HasKey(i => new { i.OrderId, i.Step, i.Undo });
        intent.Property(i => i.Step).HasMaxLength(64);
        intent.Property(i => i.Fingerprint).HasMaxLength(32);
        intent.Property(i => i.Version).IsConcurrencyToken();
        intent.HasIndex(i => i.Due).HasFilter("due IS NOT NULL").HasDatabaseName("ix_due");
    });
}
