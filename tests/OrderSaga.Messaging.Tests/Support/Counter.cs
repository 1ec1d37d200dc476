using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Tests.Support;

public sealed record Count(Guid CounterId, int By);

public sealed record Counted(Guid CounterId, int Total);

/// <summary>The smallest saga that shows whether something was lost or done twice: it adds up, and says so.</summary>
public sealed class Counter : SagaStateMachineInstance
{
    public Guid CorrelationId { get; set; }

    public string CurrentState { get; set; } = "Initial";

    public int Total { get; set; }

    public int Version { get; set; }
}

public sealed class CounterMachine : MassTransitStateMachine<Counter>
{
    public CounterMachine()
    {
        InstanceState(c => c.CurrentState);
        Event(() => Count, e => e.CorrelateById(c => c.Message.CounterId));
        Initially(When(Count).ThenAsync(AddAsync).TransitionTo(Counting));
        During(Counting, When(Count).ThenAsync(AddAsync));
    }

    public Event<Count> Count { get; private set; } = null!;

    public State Counting { get; private set; } = null!;

    private static async Task AddAsync(BehaviorContext<Counter, Count> context)
    {
        context.Saga.Total += context.Message.By;
        context.Saga.Version++;
        await context.Publish(new Counted(context.Saga.CorrelationId, context.Saga.Total));
        if (context.Message.By == 0)
            throw new InvalidOperationException("Nothing to count.");
    }
}

public sealed class CounterDb(DbContextOptions<CounterDb> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema("counting");
        modelBuilder.Entity<Counter>().HasKey(c => c.CorrelationId);
        modelBuilder.Entity<Counter>().Property(c => c.Version).IsConcurrencyToken();
        modelBuilder.Entity<HandledMessage>().HasKey(m => m.MessageId);
        modelBuilder.AddHandledMessage<HandledMessage>();
        modelBuilder.UseSnakeCase();
    }
}
