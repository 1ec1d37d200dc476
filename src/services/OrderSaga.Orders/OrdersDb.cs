using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

internal sealed class OrdersDb(DbContextOptions<OrdersDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "orders";

    public DbSet<Order> Orders => Set<Order>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Order>(order =>
        {
            order.HasKey(o => o.OrderId);
            order.Property(o => o.Status).HasMaxLength(20);
            order.Property(o => o.CustomerId).HasMaxLength(Order.LongestCustomerId);
            order.Property(o => o.Currency).HasMaxLength(3);
        });
        modelBuilder.AddStepLog();
        modelBuilder.UseSnakeCase();
    }
}

internal sealed class Order
{
    public const int LongestCustomerId = 200;

    public required Guid OrderId { get; init; }

    /// <summary><see cref="OrderStatus"/>.</summary>
    public required string Status { get; init; }

    public required string CustomerId { get; init; }

    public required string Currency { get; init; }

    /// <summary>Since when the order has its status.</summary>
    public required DateTimeOffset At { get; init; }
}

internal static class OrderStatus
{
    public const string Pending = "PENDING";
    public const string Confirmed = "CONFIRMED";
    public const string Cancelled = "CANCELLED";
}
