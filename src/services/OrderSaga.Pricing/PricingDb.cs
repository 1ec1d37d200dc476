using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

internal sealed class PricingDb(DbContextOptions<PricingDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "pricing";

    public DbSet<Price> Prices => Set<Price>();

    public DbSet<FrozenPrice> FrozenPrices => Set<FrozenPrice>();

    /// <summary>The demo catalogue, where there is no other.</summary>
    public static async Task SeedAsync(PricingDb db, CancellationToken ct)
    {
        if (await db.Prices.AnyAsync(ct).ConfigureAwait(false))
            return;
        db.AddRange(
            new Price { ProductId = "sku-apple", Currency = "EUR", ValidFrom = Price.Always, UnitPrice = 3.99m },
            new Price { ProductId = "sku-pear", Currency = "EUR", ValidFrom = Price.Always, UnitPrice = 2.49m },
            new Price { ProductId = "sku-plum", Currency = "EUR", ValidFrom = Price.Always, UnitPrice = 0.99m },
            new Price { ProductId = "sku-last", Currency = "EUR", ValidFrom = Price.Always, UnitPrice = 9.99m },
            new Price { ProductId = "sku-none", Currency = "EUR", ValidFrom = Price.Always, UnitPrice = 4.99m });
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Price>(price =>
        {
            price.HasKey(p => new { p.ProductId, p.Currency, p.ValidFrom });
            price.Property(p => p.ProductId).HasMaxLength(64);
            price.Property(p => p.Currency).HasMaxLength(3);
            price.Property(p => p.UnitPrice).HasPrecision(18, 4);
        });
        modelBuilder.Entity<FrozenPrice>(frozen =>
        {
            frozen.HasKey(f => f.OrderId);
            frozen.Property(f => f.Total).HasPrecision(18, 2);
            frozen.Property(f => f.Currency).HasMaxLength(3);
            frozen.Property(f => f.Status).HasMaxLength(20);
        });
        modelBuilder.AddStepLog();
        modelBuilder.UseSnakeCase();
    }
}

/// <summary>
/// The price of a product from one time to another; parts of a cent are possible, as with screws. Of several that hold, the one that came
/// last counts: to change a price at a time, one row that begins then is added.
/// </summary>
internal sealed class Price
{
    /// <summary>When what was always so began.</summary>
    public static readonly DateTimeOffset Always = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public required string ProductId { get; init; }

    public required string Currency { get; init; }

    /// <summary>The first moment at which it holds.</summary>
    public required DateTimeOffset ValidFrom { get; init; }

    /// <summary>The first moment at which it holds no more; never, if nothing is said.</summary>
    public DateTimeOffset? ValidUntil { get; init; }

    public required decimal UnitPrice { get; init; }
}

/// <summary>What an order will be charged, whatever happens to today's prices.</summary>
internal sealed class FrozenPrice
{
    public required Guid OrderId { get; init; }

    public required decimal Total { get; init; }

    public required string Currency { get; init; }

    /// <summary><see cref="FrozenPriceStatus"/>.</summary>
    public required string Status { get; init; }
}

internal static class FrozenPriceStatus
{
    public const string Frozen = "FROZEN";
    public const string Released = "RELEASED";
}
