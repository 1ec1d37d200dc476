using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Messaging.Tests.Support;

public sealed record Count(Guid CounterId, int By);

public sealed record Counted(Guid CounterId, int Total);

/// <summary>Counts, and on the way changes two tallies one after the other, in the transaction of the count.</summary>
public sealed record CountAcross(Guid CounterId, string First, string Second);

/// <summary>The smallest saga that shows whether something was lost or done twice: it adds up, and says so.</summary>
public sealed class Counter : SagaStateMachineInstance
{
    public Guid CorrelationId { get; set; }

    public string CurrentState { get; set; } = "Initial";

    public int Total { get; set; }

    public int Version { get; set; }
}

/// <summary>Something that many sagas share.</summary>
public sealed class Tally
{
    public required string Name { get; init; }

    public int Total { get; set; }
}

/// <summary>Lets two units of work meet in the middle.</summary>
internal sealed class Meeting
{
    public Func<Task> Between { get; set; } = () => Task.CompletedTask;
}

internal sealed class CounterMachine : MassTransitStateMachine<Counter>
{
    public CounterMachine(Meeting? meeting = null)
    {
        InstanceState(c => c.CurrentState);
        Event(() => Count, e => e.CorrelateById(c => c.Message.CounterId));
        Event(() => CountAcross, e => e.CorrelateById(c => c.Message.CounterId));
        Initially(
            When(Count).ThenAsync(AddAsync).TransitionTo(Counting),
            When(CountAcross).ThenAsync(c => AcrossAsync(c, meeting)).TransitionTo(Counting));
        During(Counting,
            When(Count).ThenAsync(AddAsync),
            When(CountAcross).ThenAsync(c => AcrossAsync(c, meeting)));
    }

    public Event<Count> Count { get; private set; } = null!;

    public Event<CountAcross> CountAcross { get; private set; } = null!;

    public State Counting { get; private set; } = null!;

    private static async Task AddAsync(BehaviorContext<Counter, Count> context)
    {
        context.Saga.Total += context.Message.By;
        context.Saga.Version++;
        await context.Publish(new Counted(context.Saga.CorrelationId, context.Saga.Total));
        if (context.Message.By == 0)
            throw new InvalidOperationException("Nothing to count.");
    }

    private static async Task AcrossAsync(BehaviorContext<Counter, CountAcross> context, Meeting? meeting)
    {
        context.Saga.Total++;
        context.Saga.Version++;
        context.GetPayload<OutboxSession>().Also(async (db, ct) =>
        {
            foreach (var name in new[] { context.Message.First, context.Message.Second })
            {
                await db.Set<Tally>().Where(t => t.Name == name).ExecuteUpdateAsync(set => set.SetProperty(t => t.Total, t => t.Total + 1), ct);
                if (meeting is not null && name == context.Message.First)
                    await meeting.Between();
            }
        });
        await context.Publish(new Counted(context.Saga.CorrelationId, context.Saga.Total));
    }
}

public sealed record Enter(Guid EntryId, string Name);

public sealed record Entered(Guid EntryId);

public sealed record Withdraw(Guid EntryId);

public sealed record Withdrawn(Guid EntryId, bool NothingToUndo = false);

public sealed record EntryRefused(Guid EntryId, string Reason);

/// <summary>The smallest participant: a step that adds to a tally, and its undo.</summary>
internal sealed class EnterStep(CounterDb db) : Step<CounterDb, Enter, Withdraw>(db)
{
    protected override object BusinessOf(Enter ask) => ask.Name;

    protected override async Task<StepAnswer> DoAsync(Enter ask, CancellationToken ct)
    {
        await AddAsync(ask.Name, 1, ct);
        return Done(new Entered(ask.EntryId));
    }

    protected override async Task<object> UndoAsync(Withdraw ask, CancellationToken ct)
    {
        await AddAsync("entries", -1, ct);
        return new Withdrawn(ask.EntryId);
    }

    protected override object NothingToUndo(Guid orderId) => new Withdrawn(orderId, NothingToUndo: true);

    protected override object Refusal(Guid orderId, string reason, string detail) => new EntryRefused(orderId, reason);

    private Task<int> AddAsync(string name, int by, CancellationToken ct) =>
        Db.Set<Tally>().Where(t => t.Name == name).ExecuteUpdateAsync(set => set.SetProperty(t => t.Total, t => t.Total + by), ct);
}

public sealed class CounterDb(DbContextOptions<CounterDb> options) : DbContext(options), IOwnsSchema
{
    public static string Schema => "counting";

    public static async Task SeedAsync(CounterDb db, CancellationToken ct)
    {
        if (!await db.Set<Tally>().AnyAsync(ct))
            db.AddRange(new Tally { Name = "entries" }, new Tally { Name = "left" }, new Tally { Name = "right" });
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Counter>().HasKey(c => c.CorrelationId);
        modelBuilder.Entity<Counter>().Property(c => c.Version).IsConcurrencyToken();
        modelBuilder.Entity<Tally>().HasKey(t => t.Name);
        modelBuilder.Entity<Tally>().Property(t => t.Name).HasMaxLength(20);
        modelBuilder.AddHandledMessage<HandledMessage>();
        modelBuilder.AddStepLog();
        modelBuilder.UseSnakeCase();
    }
}
