using MassTransit;
using MassTransit.Context;
using MassTransit.Middleware;
using MassTransit.Middleware.Outbox;
using MassTransit.Saga;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Messaging.Sagas;

/// <summary>A message as the saga sees it: what it publishes and sends is captured by the session, which is also a payload.</summary>
internal sealed class CapturingConsumeContext<T> : ConsumeContextScope<T>
    where T : class
{
    public CapturingConsumeContext(ConsumeContext<T> context, OutboxSession session) : base(context, session)
    {
        var receive = new OutboxReceiveContext(session, context.ReceiveContext);
        ReceiveContext = receive;
        PublishEndpointProvider = receive.PublishEndpointProvider;
    }
}

/// <summary>Adds, loads and removes instances in the unit of work; the factory saves once, at its end.</summary>
internal sealed class EntityFrameworkSagaRepositoryContext<TSaga, TDb, T>(
    TDb db, ConsumeContext<T> context, ISagaConsumeContextFactory<TDb, TSaga> factory, Func<Guid, Task<TSaga?>> load)
    : ConsumeContextScope<T>(context), SagaRepositoryContext<TSaga, T>
    where TSaga : class, ISaga
    where TDb : DbContext
    where T : class
{
    private readonly ConsumeContext<T> context = context;

    public Task<SagaConsumeContext<TSaga, T>> Add(TSaga instance)
    {
        db.Add(instance);
        return CreateSagaConsumeContext(context, instance, SagaConsumeContextMode.Add);
    }

    // Nobody inserts before loading here: an instance that exists is found by the load, and two that race are told apart by the key.
    public Task<SagaConsumeContext<TSaga, T>> Insert(TSaga instance) => Task.FromResult<SagaConsumeContext<TSaga, T>>(null!);

    public async Task<SagaConsumeContext<TSaga, T>> Load(Guid correlationId)
    {
        SagaTrace.Mark(correlationId);
        var instance = await load(correlationId).ConfigureAwait(false);
        return instance is null ? null! : await CreateSagaConsumeContext(context, instance, SagaConsumeContextMode.Load).ConfigureAwait(false);
    }

    public Task Save(SagaConsumeContext<TSaga> context) => Task.CompletedTask;

    public Task Update(SagaConsumeContext<TSaga> context) => Task.CompletedTask;

    public Task Delete(SagaConsumeContext<TSaga> context) => Remove(context.Saga);

    public Task Discard(SagaConsumeContext<TSaga> context) => Remove(context.Saga);

    public Task Undo(SagaConsumeContext<TSaga> context)
    {
        db.Entry(context.Saga).State = EntityState.Detached;
        return Task.CompletedTask;
    }

    public Task<SagaConsumeContext<TSaga, TOther>> CreateSagaConsumeContext<TOther>(ConsumeContext<TOther> consumeContext, TSaga instance, SagaConsumeContextMode mode)
        where TOther : class
        => factory.CreateSagaConsumeContext(db, consumeContext, instance, mode);

    private Task Remove(TSaga instance)
    {
        db.Remove(instance);
        return Task.CompletedTask;
    }
}

/// <summary>Reading instances outside of messages: MassTransit's test harness and queries.</summary>
internal sealed class EntityFrameworkSagaReadContext<TSaga, TDb>(TDb db, CancellationToken ct)
    : BasePipeContext(ct), LoadSagaRepositoryContext<TSaga>, QuerySagaRepositoryContext<TSaga>
    where TSaga : class, ISaga
    where TDb : DbContext
{
    public async Task<TSaga> Load(Guid correlationId) =>
        (await db.Set<TSaga>().AsNoTracking().SingleOrDefaultAsync(s => s.CorrelationId == correlationId, CancellationToken).ConfigureAwait(false))!;

    public async Task<SagaRepositoryQueryContext<TSaga>> Query(ISagaQuery<TSaga> query, CancellationToken cancellationToken)
    {
        var ids = await db.Set<TSaga>().AsNoTracking().Where(query.FilterExpression).Select(s => s.CorrelationId).ToListAsync(cancellationToken).ConfigureAwait(false);
        return new DefaultSagaRepositoryQueryContext<TSaga>(this, ids);
    }
}
