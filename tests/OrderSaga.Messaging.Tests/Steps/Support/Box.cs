using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Messaging.Tests.Steps.Support;

// A box office: seats are held in our own database, the money is taken by a gateway outside of it.
public sealed record HoldSeats(Guid OrderId, int Seats);

public sealed record SeatsHeld(Guid OrderId, int Seats);

public sealed record SeatsRefused(Guid OrderId, string Reason, string Detail);

public sealed record FreeSeats(Guid OrderId);

public sealed record SeatsFreed(Guid OrderId, bool NothingToUndo = false);

public sealed record TakeMoney(Guid OrderId, int Cents);

public sealed record MoneyTaken(Guid OrderId, string Reference, int Cents);

public sealed record MoneyRefused(Guid OrderId, string Reason, string Detail);

public sealed record GiveBack(Guid OrderId);

public sealed record MoneyGivenBack(Guid OrderId, bool NothingToUndo = false, string? Reference = null);

/// <summary>What our own tables say: the seats or the money of an order, and whether they were given back.</summary>
public sealed class Held
{
    public required Guid OrderId { get; init; }

    public required string What { get; init; }

    public required int Amount { get; init; }

    /// <summary>How often; more than once is a mistake.</summary>
    public int Backs { get; init; }
}

public sealed class StepDb(DbContextOptions<StepDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "box";

    public DbSet<Held> Held => Set<Held>();

    public DbSet<StepLogEntry> Log => Set<StepLogEntry>();

    internal DbSet<Intent> Intents => Set<Intent>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Held>().HasKey(h => new { h.OrderId, h.What });
        modelBuilder.Entity<Held>().Property(h => h.What).HasMaxLength(20);
        modelBuilder.AddStepLog();
        modelBuilder.AddIntents();
        modelBuilder.UseSnakeCase();
    }

    internal void Hold(Guid orderId, string what, int amount) => Add(new Held { OrderId = orderId, What = what, Amount = amount });

    internal Task GiveBackAsync(Guid orderId, string what, CancellationToken ct) =>
        Held.Where(h => h.OrderId == orderId && h.What == what).ExecuteUpdateAsync(set => set.SetProperty(h => h.Backs, h => h.Backs + 1), ct);
}

internal sealed class HoldSeatsStep(StepDb db) : Step<StepDb, HoldSeats, FreeSeats>(db)
{
    protected override object BusinessOf(HoldSeats ask) => new { ask.Seats };

    protected override Task<StepAnswer> DoAsync(HoldSeats ask, CancellationToken ct)
    {
        Db.Hold(ask.OrderId, "seats", ask.Seats);
        return Task.FromResult(ask.Seats > TestGateway.Limit ? Refused(Refusal(ask.OrderId, "SOLD_OUT", "")) : Done(new SeatsHeld(ask.OrderId, ask.Seats)));
    }

    protected override async Task<object> UndoAsync(FreeSeats ask, CancellationToken ct)
    {
        await Db.GiveBackAsync(ask.OrderId, "seats", ct);
        return new SeatsFreed(ask.OrderId);
    }

    protected override object NothingToUndo(Guid orderId) => new SeatsFreed(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new SeatsRefused(orderId, reason, detail);
}

internal sealed class TakeMoneyStep(StepDb db, TestGateway gateway) : OutsideStep<StepDb, TakeMoney, MoneyTaken, GiveBack>(db)
{
    protected override object BusinessOf(TakeMoney ask) => new { ask.Cents };

    protected override async Task<StepAnswer> DoOutsideAsync(TakeMoney ask, string key, CancellationToken ct)
    {
        Assert.Null(Db.Database.CurrentTransaction);
        return Answer(ask.OrderId, await gateway.ChargeAsync(ask.OrderId, ask.Cents, key, ct));
    }

    protected override async Task<StepAnswer?> FindOutsideAsync(Guid orderId, string key, CancellationToken ct)
    {
        Assert.Null(Db.Database.CurrentTransaction);
        return await gateway.FindAsync(orderId, key, ct) is { } charge ? Answer(orderId, charge) : null;
    }

    protected override async Task<object> UndoOutsideAsync(MoneyTaken done, string key, CancellationToken ct)
    {
        Assert.Null(Db.Database.CurrentTransaction);
        await gateway.RefundAsync(done.OrderId, done.Reference, key, ct);
        return new MoneyGivenBack(done.OrderId, Reference: done.Reference);
    }

    protected override Task KeepAsync(MoneyTaken done, CancellationToken ct)
    {
        Db.Hold(done.OrderId, "money", done.Cents);
        return Task.CompletedTask;
    }

    protected override Task KeepUndoneAsync(MoneyTaken done, CancellationToken ct) => Db.GiveBackAsync(done.OrderId, "money", ct);

    protected override object NothingToUndo(Guid orderId) => new MoneyGivenBack(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new MoneyRefused(orderId, reason, detail);

    private StepAnswer Answer(Guid orderId, Charge charge) => charge.Reference is { } reference
        ? Done(new MoneyTaken(orderId, reference, charge.Cents))
        : Refused(Refusal(orderId, "CARD_DECLINED", ""));
}
