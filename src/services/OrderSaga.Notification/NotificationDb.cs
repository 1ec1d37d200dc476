using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

internal sealed class NotificationDb(DbContextOptions<NotificationDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "notification";

    public DbSet<Notice> Notifications => Set<Notice>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Notice>(notice =>
        {
            notice.ToTable("notifications");
            notice.HasKey(n => new { n.OrderId, n.Kind });
            notice.Property(n => n.Kind).HasMaxLength(20);
            notice.Property(n => n.Status).HasMaxLength(20);
            notice.Property(n => n.Recipient).HasMaxLength(Notice.LongestRecipient);
            notice.Property(n => n.Text).HasMaxLength(Notice.LongestText);
        });
        modelBuilder.AddStepLog();
        modelBuilder.UseSnakeCase();
    }
}

/// <summary>One thing that a customer is told about an order; each kind once.</summary>
internal sealed class Notice
{
    public const int LongestRecipient = 320;
    public const int LongestText = 2000;

    public required Guid OrderId { get; init; }

    /// <summary><see cref="NoticeKind"/>.</summary>
    public required string Kind { get; init; }

    /// <summary><see cref="NoticeStatus"/>.</summary>
    public required string Status { get; init; }

    public required string Recipient { get; init; }

    public required string Text { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Whether mail could go there at all; whether it arrives, only sending shows.</summary>
    public static bool CanReach(string recipient) =>
        recipient.Length <= LongestRecipient && recipient.IndexOf('@') is > 0 and var at && at < recipient.Length - 1 && !recipient.Any(char.IsWhiteSpace);
}

internal static class NoticeKind
{
    public const string Confirmation = "confirmation";
    public const string Apology = "apology";
}

internal static class NoticeStatus
{
    public const string Accepted = "accepted";
    public const string Undeliverable = "undeliverable";
}
