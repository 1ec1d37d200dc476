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
            notice.Property(n => n.Channel).HasMaxLength(10);
            notice.HasIndex(n => n.Due).HasFilter("due IS NOT NULL").HasDatabaseName("ix_due");
        });
        modelBuilder.AddStepLog();
        modelBuilder.UseSnakeCase();
    }
}
