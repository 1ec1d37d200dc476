using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

internal sealed class PaymentDb(DbContextOptions<PaymentDb> options) : DbContext(options)
{
    public DbSet<Charge> Charges => Set<Charge>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema("payment");
        modelBuilder.Entity<Charge>(charge =>
        {
            charge.HasKey(c => c.OrderId);
            charge.HasIndex(c => c.ChargeId).IsUnique();
            charge.Property(c => c.Amount).HasPrecision(18, 2);
            charge.Property(c => c.Currency).HasMaxLength(3);
            charge.Property(c => c.Status).HasMaxLength(20);
            charge.Property(c => c.ChargeId).HasMaxLength(64);
        });
        modelBuilder.AddStepLog();
        modelBuilder.UseSnakeCase();
    }
}

/// <summary>The money that was taken for an order: one charge, given back or not. The token that paid it is not kept.</summary>
internal sealed class Charge
{
    public required Guid OrderId { get; init; }

    public required decimal Amount { get; init; }

    public required string Currency { get; init; }

    /// <summary><see cref="ChargeStatus"/>.</summary>
    public required string Status { get; init; }

    public required string ChargeId { get; init; }
}

internal static class ChargeStatus
{
    public const string Charged = "CHARGED";
    public const string Refunded = "REFUNDED";
}
