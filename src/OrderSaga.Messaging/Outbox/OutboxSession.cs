using MassTransit;
using MassTransit.Middleware;
using MassTransit.Middleware.Outbox;
using MassTransit.Transports;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Outbox;

/// <summary>
/// What one unit of work sends: captured while it runs, stored with its commit, sent after it. A saga finds it as a payload of its
/// context and may hand in its own log row as the <see cref="Entry"/>.
/// </summary>
public sealed class OutboxSession : OutboxSendContext
{
    private readonly List<OutgoingMessage> messages = [];
    private readonly List<Func<DbContext, CancellationToken, Task>> changes = [];
    private readonly IServiceProvider services;

    internal OutboxSession(IServiceProvider services, IPublishEndpointProvider bus)
    {
        this.services = services;
        Publisher = new PublishEndpoint(new OutboxPublishEndpointProvider(this, bus));
    }

    /// <summary>The row that is inbox and outbox of this unit of work; a plain one is made if the saga hands in none.</summary>
    public HandledMessage? Entry { get; set; }

    /// <summary>For code outside consumers: what is published here is part of the unit of work.</summary>
    public IPublishEndpoint Publisher { get; }

    internal IReadOnlyCollection<OutgoingMessage> Messages => messages;

    /// <summary>
    /// Marks a message that its saga can say again from its row (<see cref="Sagas.IRepeat{TDb}"/>): it is sent after the commit like any
    /// other, but not stored with it. A saga that awaits the answer asks again anyway, so the payload would be written for nothing.
    /// </summary>
    public static void NeedNotBeStored(PublishContext context) => context.GetOrAddPayload(() => Repeatable.Mark);

    /// <summary>
    /// Marks a message that its saga's row says for as long as it is not sent. Nobody asks for it again, so it is remembered that it is to be
    /// sent, and no more.
    /// </summary>
    public static void IsToldByItsRow(PublishContext context) => context.GetOrAddPayload(() => ToldByItsRow.Mark);

    /// <summary>Further changes of the same commit, for what a saga seldom writes beside its row and its log.</summary>
    public void Also(Func<DbContext, CancellationToken, Task> change) => changes.Add(change);

    /// <summary>It changes nothing beside the row and the entry.</summary>
    internal bool IsPlain => changes.Count == 0;

    internal async Task MakeChangesAsync(DbContext db, CancellationToken ct)
    {
        foreach (var change in changes)
            await change(db, ct).ConfigureAwait(false);
    }

    Task OutboxSendContext.AddSend<T>(SendContext<T> context)
    {
        messages.Add(OutgoingMessage.From(context));
        return Task.CompletedTask;
    }

    internal sealed class Repeatable
    {
        public static readonly Repeatable Mark = new();
    }

    internal sealed class ToldByItsRow
    {
        public static readonly ToldByItsRow Mark = new();
    }

    object? IServiceProvider.GetService(Type serviceType) => services.GetService(serviceType);
}
