using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.Clock;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>The schema <c>ops</c>: what waits for a person, and the clock of Development. One for all services, wherever they keep their own data.</summary>
public sealed class OpsDb(DbContextOptions<OpsDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "ops";

    public DbSet<DeadLetter> DeadLetters => Set<DeadLetter>();

    public DbSet<OpsAction> Actions => Set<OpsAction>();

    public DbSet<Alert> Alerts => Set<Alert>();

    public DbSet<ClockRow> Clocks => Set<ClockRow>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<DeadLetter>(letter =>
        {
            letter.Property(l => l.Id).ValueGeneratedNever();
            letter.Property(l => l.Queue).HasMaxLength(255);
            letter.Property(l => l.Address).HasMaxLength(500);
            letter.Property(l => l.MessageType).HasMaxLength(500);
            letter.Property(l => l.ContentType).HasMaxLength(200);
            letter.Property(l => l.Cause).HasMaxLength(300);
            letter.Property(l => l.Status).HasMaxLength(20);
            letter.Property(l => l.SettledBy).HasMaxLength(100);
            letter.HasIndex(l => new { l.Status, l.At });
            letter.HasIndex(l => l.Due).HasFilter("due IS NOT NULL").HasDatabaseName("ix_to_send");
        });
        modelBuilder.Entity<OpsAction>(action =>
        {
            action.ToTable("audit");
            action.Property(a => a.Id).ValueGeneratedNever();
            action.Property(a => a.Actor).HasMaxLength(100);
            action.Property(a => a.Action).HasMaxLength(10);
            action.Property(a => a.Outcome).HasMaxLength(20);
            action.HasIndex(a => new { a.At, a.Id });
        });
        modelBuilder.Entity<Alert>(alert =>
        {
            alert.ToTable("alerts");
            alert.Property(a => a.Id).ValueGeneratedNever();
            alert.Property(a => a.Text).HasMaxLength(Alerting.Longest);
            alert.Property(a => a.Status).HasMaxLength(20);
            alert.Property(a => a.Error).HasMaxLength(Alerting.Longest);
            alert.HasIndex(a => a.At);
            alert.HasIndex(a => a.Due).HasFilter("due IS NOT NULL").HasDatabaseName("ix_due");
        });
        modelBuilder.Entity<ClockRow>(clock =>
        {
            clock.HasKey(c => c.Name);
            clock.Property(c => c.Name).HasMaxLength(ClockRow.LongestName);
        });
        modelBuilder.UseSnakeCase();
    }
}
