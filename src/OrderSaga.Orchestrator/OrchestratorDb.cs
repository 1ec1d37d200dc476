using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Orchestrator;

/// <summary>The schema <c>checkout</c>: one row per order, one log row per handled message.</summary>
public sealed class OrchestratorDb(DbContextOptions<OrchestratorDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "checkout";

    internal DbSet<OrderState> Orders => Set<OrderState>();

    internal DbSet<SagaLogEntry> Log => Set<SagaLogEntry>();

    internal DbSet<StuckUndo> Stuck => Set<StuckUndo>();

    internal DbSet<ServiceOutage> Outages => Set<ServiceOutage>();

    internal DbSet<AuditEntry> Audit => Set<AuditEntry>();

    internal DbSet<ArchivedOrder> Archive => Set<ArchivedOrder>();

    /// <summary>The archive's rows, as the orders that they are.</summary>
    internal IQueryable<OrderState> Archived => Orders.FromSqlRaw("SELECT * FROM checkout.order_archive");

    /// <summary>Orders wherever they are, in one look: one that is moved meanwhile is not missed.</summary>
    internal IQueryable<OrderState> Everywhere => Orders.Concat(Archived);

    /// <summary>The order; the archive is looked into only where it has no row.</summary>
    internal async Task<OrderState?> FindAsync(Guid orderId, CancellationToken ct) =>
        await Orders.AsNoTracking().SingleOrDefaultAsync(o => o.CorrelationId == orderId, ct).ConfigureAwait(false)
        ?? await Everywhere.AsNoTracking().SingleOrDefaultAsync(o => o.CorrelationId == orderId, ct).ConfigureAwait(false);

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<OrderState>(order =>
        {
            order.ToTable("order_state");
            Columns(order);
            order.HasIndex(o => new { o.CustomerId, o.IdempotencyKey }).IsUnique().HasFilter("idempotency_key IS NOT NULL");
            // An event on the way changes nothing that an index is by: PostgreSQL then keeps the row on its page, and writes to no index.
            order.HasAnnotation("Npgsql:StorageParameter:fillfactor", 50);
            // Few orders are under way at a time: this index stays small however many have ended.
            order.HasIndex(o => o.NotDueBefore).HasFilter("not_due_before IS NOT NULL").HasDatabaseName("ix_under_way");
            // Written once per order, at its end. Status and age are found in it without the rows.
            order.HasIndex(o => new { o.EndedAt, o.Status, o.StartedAt }).HasFilter("ended_at IS NOT NULL").HasDatabaseName("ix_ended");
            order.HasIndex(o => new { o.CustomerId, o.EndedAt }).HasFilter("ended_at IS NOT NULL").HasDatabaseName("ix_ended_of_customer");
        });
        modelBuilder.Entity<ArchivedOrder>(order =>
        {
            order.ToTable("order_archive");
            // A table of its own, with the same columns.
            order.HasBaseType((Type?)null);
            Columns(order);
            order.HasIndex(o => o.EndedAt).HasDatabaseName("ix_archive_ended");
            order.HasIndex(o => new { o.CustomerId, o.IdempotencyKey }).HasDatabaseName("ix_archive_of_customer");
        });
        modelBuilder.Entity<SagaLogEntry>(entry =>
        {
            entry.ToTable("saga_log");
            entry.Property(e => e.Step).HasMaxLength(64);
            entry.Property(e => e.Direction).HasMaxLength(10);
            entry.Property(e => e.Status).HasMaxLength(20);
            entry.Property(e => e.Key).HasMaxLength(120);
            entry.Property(e => e.Asks).HasMaxLength(64);
            entry.Property(e => e.Actor).HasMaxLength(100);
        });
        modelBuilder.Entity<StuckUndo>(stuck =>
        {
            stuck.ToTable("stuck");
            stuck.HasKey(s => new { s.OrderId, s.Step });
            stuck.Property(s => s.Step).HasMaxLength(64);
            stuck.HasIndex(s => s.Since).HasFilter("resolved_at IS NULL").HasDatabaseName("ix_open");
        });
        modelBuilder.Entity<ServiceOutage>(outage =>
        {
            outage.ToTable("outages");
            outage.HasKey(o => new { o.Service, o.Since });
            outage.Property(o => o.Service).HasMaxLength(100);
            outage.Property(o => o.Commands).HasMaxLength(1000);
            outage.Ignore(o => o.Time);
        });
        modelBuilder.Entity<AuditEntry>(audit =>
        {
            audit.ToTable("audit");
            audit.Property(a => a.Id).ValueGeneratedNever();
            audit.Property(a => a.Actor).HasMaxLength(100);
            audit.Property(a => a.Action).HasMaxLength(10);
            audit.Property(a => a.Step).HasMaxLength(64);
            audit.Property(a => a.Outcome).HasMaxLength(20);
            audit.HasIndex(a => new { a.At, a.Id });
            audit.HasIndex(a => a.OrderId);
        });
        modelBuilder.AddHandledMessage<SagaLogEntry>();
        modelBuilder.UseSnakeCase();
    }

    private static void Columns<TOrder>(EntityTypeBuilder<TOrder> order)
        where TOrder : OrderState
    {
        order.HasKey(o => o.CorrelationId);
        order.Property(o => o.CorrelationId).HasColumnName("order_id").ValueGeneratedNever();
        order.Property(o => o.CurrentState).HasMaxLength(64);
        order.Property(o => o.Status).HasMaxLength(20);
        order.Property(o => o.Version).IsConcurrencyToken();
        order.Property(o => o.Asked).HasMaxLength(64);
        order.Property(o => o.Steps).HasMaxLength(1000);
        order.Property(o => o.Route).HasMaxLength(1000);
        order.Property(o => o.Reason).HasMaxLength(100);
        order.Property(o => o.Total).HasPrecision(18, 2);
        order.Property(o => o.Currency).HasMaxLength(3);
        order.Property(o => o.CustomerId).HasMaxLength(100);
        order.Property(o => o.IdempotencyKey).HasMaxLength(200);
        order.Property(o => o.Submitted).HasConversion(o => JsonSerializer.Serialize(o, JsonSerializerOptions.Web), json => JsonSerializer.Deserialize<SubmitOrder>(json, JsonSerializerOptions.Web)!);
        order.Property(o => o.Phase).HasMaxLength(10);
        order.Property(o => o.CancelReason).HasMaxLength(200);
        order.Property(o => o.Ended).HasMaxLength(12);
        order.Property(o => o.Trace).HasMaxLength(55);
        // The row is the timer; a scheduler's own token has no place in it.
        order.Ignore(o => o.TimerId);
        order.Ignore(o => o.OrderId).Ignore(o => o.Customer).Ignore(o => o.Lines);
    }
}
