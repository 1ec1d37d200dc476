using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Outbox;

/// <summary>
/// The outbox of one database. What a unit of work sends is stored with its commit and sent right after it, from memory; once more when
/// an absent broker is there again; and what a crash left unsent is found at the next start and every minute.
/// </summary>
public abstract class Outbox<TDb> : BackgroundService
    where TDb : DbContext
{
    /// <summary>
    /// One commit for code outside consumers (intake, operators, jobs): the changes that <paramref name="work"/> makes, its entry, and
    /// what it publishes through the session. Run again from the start when another node was faster. Without an entry nothing is committed.
    /// </summary>
    /// <param name="work">What is done, once what it shares is read.</param>
    /// <param name="ct">Ends it.</param>
    /// <param name="shares">The commit may be shared with others of another key. Without an entry it must have changed nothing then.</param>
    public abstract Task<T> RunAsync<T>(Func<TDb, OutboxSession, Task<T>> work, CancellationToken ct, Shared<TDb>? shares = null);

    /// <summary>Adds the entry with what was captured to the changes of <paramref name="db"/>; the caller saves and commits them.</summary>
    internal abstract Task AddAsync(TDb db, OutboxSession session, CancellationToken ct);

    /// <summary>Sends what was captured. A failure is logged, and it is sent again later: it is stored, so nothing is lost.</summary>
    internal abstract Task SendAsync(HandledId id, IReadOnlyCollection<OutgoingMessage> messages, CancellationToken ct);

    /// <summary>What is remembered of a message, if it was handled before.</summary>
    internal abstract Task<HandledMessage?> FindAsync(TDb db, HandledId id, CancellationToken ct);
}
