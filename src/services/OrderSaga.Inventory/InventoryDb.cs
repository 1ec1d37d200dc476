using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

internal sealed class InventoryDb(DbContextOptions<InventoryDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "inventory";

    public DbSet<Stock> Stock => Set<Stock>();

    public DbSet<Reservation> Reservations => Set<Reservation>();

    /// <summary>The demo catalogue, where there is no other.</summary>
    public static async Task SeedAsync(InventoryDb db, CancellationToken ct)
    {
        if (await db.Stock.AnyAsync(ct).ConfigureAwait(false))
            return;
        const long plenty = 1_000_000;
        db.AddRange(
            new Stock { ProductId = "sku-apple", OnHand = plenty },
            new Stock { ProductId = "sku-pear", OnHand = plenty },
            new Stock { ProductId = "sku-plum", OnHand = plenty },
            new Stock { ProductId = "sku-last", OnHand = 1 },
            new Stock { ProductId = "sku-none", OnHand = 0 });
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Stock>(stock =>
        {
            // The updates never get here; should one ever be wrong, the database says no before a customer does.
            stock.ToTable("stock", table => table.HasCheckConstraint("ck_stock", "reserved >= 0 AND reserved <= on_hand"));
            stock.HasKey(s => s.ProductId);
            stock.Property(s => s.ProductId).HasMaxLength(Services.Stock.LongestProductId);
        });
        modelBuilder.Entity<Reservation>(reservation =>
        {
            reservation.HasKey(r => new { r.OrderId, r.ProductId });
            reservation.Property(r => r.ProductId).HasMaxLength(Services.Stock.LongestProductId);
            reservation.Property(r => r.Status).HasMaxLength(20);
        });
        modelBuilder.AddStepLog();
        modelBuilder.AddUnderWay();
        modelBuilder.UseSnakeCase();
    }
}
