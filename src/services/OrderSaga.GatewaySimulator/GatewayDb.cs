using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The provider's own books. Nobody else reads them: whoever wants to know asks over HTTP.</summary>
internal sealed class GatewayDb(DbContextOptions<GatewayDb> options) : DbContext(options), IOwnsSchema
{
    public const int LongestKey = 200;

    public static string Schema => "gateway";

    public DbSet<LedgerCharge> Charges => Set<LedgerCharge>();

    public DbSet<LedgerRefund> Refunds => Set<LedgerRefund>();

    public DbSet<UsedKey> Keys => Set<UsedKey>();

    public DbSet<FailedCall> Failures => Set<FailedCall>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<LedgerCharge>(charge =>
        {
            charge.HasKey(c => c.Id);
            charge.HasIndex(c => c.Key).IsUnique();
            charge.HasIndex(c => c.OrderId);
            charge.Property(c => c.Id).HasMaxLength(64);
            charge.Property(c => c.Key).HasMaxLength(LongestKey);
            charge.Property(c => c.Amount).HasPrecision(18, 2);
            charge.Property(c => c.Currency).HasMaxLength(3);
            charge.Property(c => c.Status).HasMaxLength(20);
            charge.Property(c => c.DeclineCode).HasMaxLength(40);
            charge.Property(c => c.Refunded).HasPrecision(18, 2);
        });
        modelBuilder.Entity<LedgerRefund>(refund =>
        {
            refund.HasKey(r => r.Id);
            refund.HasIndex(r => r.ChargeId);
            refund.Property(r => r.Id).HasMaxLength(64);
            refund.Property(r => r.ChargeId).HasMaxLength(64);
            refund.Property(r => r.Key).HasMaxLength(LongestKey);
            refund.Property(r => r.Amount).HasPrecision(18, 2);
        });
        modelBuilder.Entity<UsedKey>(used =>
        {
            used.HasKey(k => k.Key);
            used.Property(k => k.Key).HasMaxLength(LongestKey);
            used.Property(k => k.Fingerprint).HasConversion(f => f.ToString("N"), kept => Guid.ParseExact(kept, "N")).HasMaxLength(32);
        });
        modelBuilder.Entity<FailedCall>(failed =>
        {
            failed.HasKey(f => new { f.Key, f.Number });
            failed.Property(f => f.Key).HasMaxLength(LongestKey);
        });
        modelBuilder.UseSnakeCase();
    }
}

/// <summary>Money that was taken, or a card that was declined. What paid is not kept.</summary>
internal sealed class LedgerCharge
{
    public const string Charged = "charged", Declined = "declined";

    public required string Id { get; init; }

    public required string Key { get; init; }

    /// <summary>Tells the content of the call from another. None: an earlier version took it, and kept its answer under the key.</summary>
    public Guid? Fingerprint { get; init; }

    public required Guid OrderId { get; init; }

    public required decimal Amount { get; init; }

    public required string Currency { get; init; }

    /// <summary><see cref="Charged"/> or <see cref="Declined"/>.</summary>
    public required string Status { get; init; }

    public string? DeclineCode { get; init; }

    /// <summary>How much of it was given back; never more than it.</summary>
    public decimal Refunded { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>Money that was given back.</summary>
internal sealed class LedgerRefund
{
    public required string Id { get; init; }

    public required string ChargeId { get; init; }

    public required string Key { get; init; }

    public required decimal Amount { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>A refund's answer under its key, given again to every repetition. What a charge was answered stands in its own row.</summary>
internal sealed class UsedKey
{
    public required string Key { get; init; }

    /// <summary>Tells the content of the call from another.</summary>
    public required Guid Fingerprint { get; init; }

    public required int Status { get; init; }

    public required string Answer { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>A call that was answered with an error on purpose. Nothing was done, so its key is still free.</summary>
internal sealed class FailedCall
{
    public required string Key { get; init; }

    public required int Number { get; init; }

    public required DateTimeOffset At { get; init; }
}
