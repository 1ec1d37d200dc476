using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Saga;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Outbox;

namespace OrderSaga.Messaging.Sagas;

/// <summary>
/// Handling one message = one commit: the saga's row, the entry that is inbox and outbox, and whatever else the saga's activities
/// changed. Sent after the commit, acknowledged after that. A duplicate finds the entry, has said again what is unsent, and is done.
/// The row's version is what keeps two nodes apart: the slower one fails, and its message is handled again from the start.
/// </summary>
internal sealed class EntityFrameworkSagaRepositoryContextFactory<TSaga, TDb>(
    TDb db,
    DatabaseOf<TDb> database,
    Outbox<TDb> outbox,
    ISagaConsumeContextFactory<TDb, TSaga> factory,
    IBus bus,
    IServiceProvider services,
    TimeProvider time) : ISagaRepositoryContextFactory<TSaga>, ILoadSagaRepositoryContextFactory<TSaga>, IQuerySagaRepositoryContextFactory<TSaga>
    where TSaga : class, ISaga
    where TDb : DbContext
{
    public Task Send<T>(ConsumeContext<T> context, IPipe<SagaRepositoryContext<TSaga, T>> next)
        where T : class
        => HandleAsync(context, captured => next.Send(Context(captured)));

    public Task SendQuery<T>(ConsumeContext<T> context, ISagaQuery<TSaga> query, IPipe<SagaRepositoryQueryContext<TSaga, T>> next)
        where T : class
        => HandleAsync(context, async captured =>
        {
            var instances = await db.Set<TSaga>().Where(query.FilterExpression).ToListAsync(context.CancellationToken).ConfigureAwait(false);
            await next.Send(new LoadedSagaRepositoryQueryContext<TSaga, T>(Context(captured), instances)).ConfigureAwait(false);
        });

    public Task<T> Execute<T>(Func<LoadSagaRepositoryContext<TSaga>, Task<T>> asyncMethod, CancellationToken cancellationToken = default)
        where T : class
        => asyncMethod(new EntityFrameworkSagaReadContext<TSaga, TDb>(db, cancellationToken));

    public Task<T> Execute<T>(Func<QuerySagaRepositoryContext<TSaga>, Task<T>> asyncMethod, CancellationToken cancellationToken = default)
        where T : class
        => asyncMethod(new EntityFrameworkSagaReadContext<TSaga, TDb>(db, cancellationToken));

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.Add("persistence", "entity framework");

    private EntityFrameworkSagaRepositoryContext<TSaga, TDb, T> Context<T>(CapturingConsumeContext<T> captured)
        where T : class
        => new(db, captured, factory, services.GetService<IBringBack<TSaga, TDb>>());

    private async Task HandleAsync<T>(ConsumeContext<T> context, Func<CapturingConsumeContext<T>, Task> handle)
        where T : class
    {
        var messageId = context.GetOriginalMessageId()
            ?? throw new MessageException(typeof(T), "The message has no id, so a duplicate could not be recognised: set message_id to a GUID.");
        var session = new OutboxSession(services, bus);
        try
        {
            await using var transaction = await db.Database.BeginTransactionAsync(context.CancellationToken).ConfigureAwait(false);
            await handle(new CapturingConsumeContext<T>(context, session)).ConfigureAwait(false);
            session.Entry ??= new HandledMessage { At = time.GetUtcNow() };
            session.Entry.MessageId = messageId;
            await outbox.SaveAsync(db, session, context.CancellationToken).ConfigureAwait(false);
            await transaction.CommitAsync(context.CancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.CancellationToken.IsCancellationRequested)
        {
            // A duplicate shows itself by its second entry, or earlier, by an event that the saga does not expect any more.
            db.ChangeTracker.Clear();
            var handled = await outbox.FindAsync(db, messageId, context.CancellationToken).ConfigureAwait(false);
            if (handled is null && database.Value.IsConflict(e))
                throw new SagaConflictException($"Another message changed the {typeof(TSaga).Name} that {typeof(T).Name} is for; it is handled again.", e);
            if (handled is null)
                throw;
            await outbox.SendAsync(messageId, OutgoingMessage.Read(handled.Outgoing), context.CancellationToken).ConfigureAwait(false);
            if (services.GetService<IRepeat<TDb>>() is { } repeat)
                await repeat.RepeatAsync(db, handled, bus, context.CancellationToken).ConfigureAwait(false);
            return;
        }

        await outbox.SendAsync(messageId, session.Messages, CancellationToken.None).ConfigureAwait(false);
    }
}
