using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

internal sealed class ShippingDb(DbContextOptions<ShippingDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "shipping";

    public DbSet<Shipment> Shipments => Set<Shipment>();

    public DbSet<DeliverySlot> Slots => Set<DeliverySlot>();

    public DbSet<GiftWrap> GiftWraps => Set<GiftWrap>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Shipment>(shipment =>
        {
            shipment.HasKey(s => s.OrderId);
            shipment.Property(s => s.Status).HasMaxLength(20);
            shipment.Property(s => s.LabelNumber).HasMaxLength(40);
            shipment.Property(s => s.Name).HasMaxLength(Shipment.LongestLine);
            shipment.Property(s => s.Street).HasMaxLength(Shipment.LongestLine);
            shipment.Property(s => s.City).HasMaxLength(Shipment.LongestLine);
            shipment.Property(s => s.PostalCode).HasMaxLength(Shipment.LongestPostalCode);
            shipment.Property(s => s.Country).HasMaxLength(2);
        });
        modelBuilder.Entity<DeliverySlot>(slot =>
        {
            // A capacity that is lowered afterwards may be below what is taken.
            slot.ToTable("delivery_slots", table => table.HasCheckConstraint("ck_delivery_slots", "taken >= 0"));
            slot.HasKey(s => s.Day);
        });
        modelBuilder.Entity<GiftWrap>(wrap =>
        {
            wrap.HasKey(w => w.OrderId);
            wrap.Property(w => w.Status).HasMaxLength(20);
        });
        modelBuilder.AddStepLog();
        modelBuilder.AddUnderWay();
        modelBuilder.UseSnakeCase();
    }
}

/// <summary>The wrapping of an order's parcel.</summary>
internal sealed class GiftWrap
{
    public required Guid OrderId { get; init; }

    /// <summary><see cref="GiftWrapStatus"/>.</summary>
    public required string Status { get; init; }
}

internal static class GiftWrapStatus
{
    public const string Wrapped = "WRAPPED";
    public const string Unwrapped = "UNWRAPPED";
}
