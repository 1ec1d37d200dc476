using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

internal sealed class PaymentDb(DbContextOptions<PaymentDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "payment";

    public DbSet<Charge> Charges => Set<Charge>();

    public DbSet<FraudCheck> FraudChecks => Set<FraudCheck>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Charge>(charge =>
        {
            charge.HasKey(c => c.OrderId);
            charge.HasIndex(c => c.ChargeId).IsUnique();
            charge.Property(c => c.Amount).HasPrecision(18, 2);
            charge.Property(c => c.Currency).HasMaxLength(3);
            charge.Property(c => c.Status).HasMaxLength(20);
            charge.Property(c => c.ChargeId).HasMaxLength(64);
        });
        modelBuilder.Entity<FraudCheck>(check =>
        {
            check.HasKey(c => c.OrderId);
            check.HasIndex(c => new { c.CustomerId, c.Number }).IsUnique();
            check.Property(c => c.CustomerId).HasMaxLength(FraudCheck.LongestCustomerId);
            check.Property(c => c.Amount).HasPrecision(18, 2);
            check.Property(c => c.Currency).HasMaxLength(3);
            check.Property(c => c.Status).HasMaxLength(20);
        });
        modelBuilder.AddStepLog();
        modelBuilder.AddIntents();
        modelBuilder.UseSnakeCase();
    }
}

/// <summary>What is known of the money that was taken for an order: one charge, given back or not. The token that paid it is not kept.</summary>
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

/// <summary>An order that nothing spoke against, and what it adds to the customer's spending.</summary>
internal sealed class FraudCheck
{
    public const int LongestCustomerId = 200;

    public required Guid OrderId { get; init; }

    public required string CustomerId { get; init; }

    /// <summary>Counts the checks of the customer.</summary>
    public required int Number { get; init; }

    public required decimal Amount { get; init; }

    public required string Currency { get; init; }

    /// <summary><see cref="FraudCheckStatus"/>.</summary>
    public required string Status { get; init; }

    public required DateTimeOffset At { get; init; }
}

internal static class FraudCheckStatus
{
    public const string Cleared = "CLEARED";

    /// <summary>It does not count any more.</summary>
    public const string Withdrawn = "WITHDRAWN";
}
