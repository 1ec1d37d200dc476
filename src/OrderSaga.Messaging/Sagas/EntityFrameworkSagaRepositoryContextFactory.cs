using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Saga;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Outbox;

namespace OrderSaga.Messaging.Sagas;

/// <summary>
/// Handling one message = one commit, alone or shared: the saga's row, the entry that is inbox and outbox, and whatever else the saga's
/// activities changed. Sent after the commit, acknowledged after that. A duplicate finds the entry, has said again what is unsent, and is
/// done. The row's version is what keeps two nodes apart: the slower one fails, and its message is handled again from the start.
/// </summary>
internal sealed class EntityFrameworkSagaRepositoryContextFactory<TSaga, TDb>(
    DatabaseOf<TDb> database,
    Outbox<TDb> outbox,
    GroupCommit<TDb> groups,
    ISagaConsumeContextFactory<TDb, TSaga> factory,
    IBus bus,
    IServiceProvider services,
    TimeProvider time) : ISagaRepositoryContextFactory<TSaga>, ILoadSagaRepositoryContextFactory<TSaga>, IQuerySagaRepositoryContextFactory<TSaga>
    where TSaga : class, ISaga
    where TDb : DbContext
{
    private readonly IBringBack<TSaga, TDb>? bringBack = services.GetService<IBringBack<TSaga, TDb>>();

    // What is handled in a group has no need of it.
    private TDb Db => services.GetRequiredService<TDb>();

    public Task Send<T>(ConsumeContext<T> context, IPipe<SagaRepositoryContext<TSaga, T>> next)
        where T : class
        => HandleAsync(context, async messageId =>
        {
            var session = new OutboxSession(services, bus);
            async Task<bool> ShareAsync(TDb shared, TSaga? row)
            {
                // Anew, when the group begins again.
                session = new OutboxSession(services, bus);
                await DecideAsync(context, messageId, session, captured => next.Send(Context(shared, captured, _ => Task.FromResult(row)))).ConfigureAwait(false);
                if (!session.IsPlain)
                    return false;
                await outbox.AddAsync(shared, session, CancellationToken.None).ConfigureAwait(false);
                return true;
            }

            return context.MayShare() && await groups.CommitAsync(new SagaMember<TSaga, TDb>(SagaId(context), ShareAsync, bringBack, context.CancellationToken)).ConfigureAwait(false)
                ? session
                : await AloneAsync(context, messageId, (db, captured) => next.Send(Context(db, captured, id => LoadAsync(db, id, context)))).ConfigureAwait(false);
        });

    public Task SendQuery<T>(ConsumeContext<T> context, ISagaQuery<TSaga> query, IPipe<SagaRepositoryQueryContext<TSaga, T>> next)
        where T : class
        => HandleAsync(context, messageId => AloneAsync(context, messageId, async (db, captured) =>
        {
            var instances = await db.Set<TSaga>().Where(query.FilterExpression).ToListAsync(context.CancellationToken).ConfigureAwait(false);
            await next.Send(new LoadedSagaRepositoryQueryContext<TSaga, T>(Context(db, captured, id => LoadAsync(db, id, context)), instances)).ConfigureAwait(false);
        }));

    public Task<T> Execute<T>(Func<LoadSagaRepositoryContext<TSaga>, Task<T>> asyncMethod, CancellationToken cancellationToken = default)
        where T : class
        => asyncMethod(new EntityFrameworkSagaReadContext<TSaga, TDb>(Db, cancellationToken));

    public Task<T> Execute<T>(Func<QuerySagaRepositoryContext<TSaga>, Task<T>> asyncMethod, CancellationToken cancellationToken = default)
        where T : class
        => asyncMethod(new EntityFrameworkSagaReadContext<TSaga, TDb>(Db, cancellationToken));

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.Add("persistence", "entity framework");

    // None, where an event finds its sagas by a query.
    private static Guid SagaId(ConsumeContext context) => context.CorrelationId ?? Guid.Empty;

    private EntityFrameworkSagaRepositoryContext<TSaga, TDb, T> Context<T>(TDb db, CapturingConsumeContext<T> captured, Func<Guid, Task<TSaga?>> load)
        where T : class
        => new(db, captured, factory, load);

    private async Task<TSaga?> LoadAsync<T>(TDb db, Guid sagaId, ConsumeContext<T> context)
        where T : class
    {
        var row = await db.Set<TSaga>().AsTracking().SingleOrDefaultAsync(s => s.CorrelationId == sagaId, context.CancellationToken).ConfigureAwait(false);
        return row is null && bringBack is not null
            ? await bringBack.BringBackAsync(db, sagaId, context.Message, context.CancellationToken).ConfigureAwait(false)
            : row;
    }

    private async Task DecideAsync<T>(ConsumeContext<T> context, Guid messageId, OutboxSession session, Func<CapturingConsumeContext<T>, Task> decide)
        where T : class
    {
        await decide(new CapturingConsumeContext<T>(context, session)).ConfigureAwait(false);
        session.Entry ??= new HandledMessage { OrderId = SagaId(context), At = time.GetUtcNow() };
        session.Entry.MessageId = messageId;
    }

    private async Task<OutboxSession> AloneAsync<T>(ConsumeContext<T> context, Guid messageId, Func<TDb, CapturingConsumeContext<T>, Task> decide)
        where T : class
    {
        var (db, session) = (Db, new OutboxSession(services, bus));
        await using var transaction = await db.Database.BeginWholeAsync(context.CancellationToken).ConfigureAwait(false);
        await DecideAsync(context, messageId, session, captured => decide(db, captured)).ConfigureAwait(false);
        await outbox.AddAsync(db, session, context.CancellationToken).ConfigureAwait(false);
        await db.SaveChangesAsync(context.CancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(context.CancellationToken).ConfigureAwait(false);
        return session;
    }

    private async Task HandleAsync<T>(ConsumeContext<T> context, Func<Guid, Task<OutboxSession>> commit)
        where T : class
    {
        var messageId = context.GetOriginalMessageId()
            ?? throw new MessageException(typeof(T), "The message has no id, so a duplicate could not be recognised: set message_id to a GUID.");
        OutboxSession session;
        try
        {
            session = await commit(messageId).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.CancellationToken.IsCancellationRequested)
        {
            // A duplicate shows itself by its second entry, or earlier, by an event that the saga does not expect any more.
            var db = Db;
            db.ChangeTracker.Clear();
            var handled = await outbox.FindAsync(db, new(SagaId(context), messageId), context.CancellationToken).ConfigureAwait(false);
            if (handled is null && database.Value.IsConflict(e))
                throw new SagaConflictException($"Another message changed the {typeof(TSaga).Name} that {typeof(T).Name} is for; it is handled again.", e);
            if (handled is null)
                throw;
            await outbox.SendAsync(handled.Id, OutgoingMessage.Read(handled), context.CancellationToken).ConfigureAwait(false);
            if (services.GetService<IRepeat<TDb>>() is { } repeat)
                await repeat.RepeatAsync(db, handled, bus, context.CancellationToken).ConfigureAwait(false);
            return;
        }

        await outbox.SendAsync(session.Entry!.Id, session.Messages, CancellationToken.None).ConfigureAwait(false);
    }
}
