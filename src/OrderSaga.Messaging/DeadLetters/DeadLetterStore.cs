using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>
/// Where endpoints put what they cannot handle. Storing waits as long as the database is away: the message is held, its endpoint takes no
/// more than its prefetch, and nothing loops between broker and store. What people do with it is the <see cref="DeadLetterDesk"/>'s.
/// </summary>
public sealed class DeadLetterStore(IServiceScopeFactory scopes, DatabaseOf<OpsDb> database, TimeProvider time, ILogger<DeadLetterStore> log)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    /// <summary>Keeps a message; the same one again counts up, and waits for a person again.</summary>
    public async Task StoreAsync(DeadLetter letter, CancellationToken ct)
    {
        for (var told = false; ; told = true)
        {
            try
            {
                await KeepAsync(letter, ct).ConfigureAwait(false);
                log.LogError("Dead letter {Id} from {Queue}: {MessageType} {MessageId}: {Cause}: {Error}", letter.Id, letter.Queue, letter.MessageType, letter.MessageId, letter.Cause, letter.Error);
                return;
            }
            catch (Exception e) when (database.Value.IsConflict(e))
            {
                // Another node stores the same message just now.
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                if (!told)
                    log.LogError(e, "Dead letter {Id} from {Queue} cannot be stored; its message is held, and storing is tried again every {Pause}", letter.Id, letter.Queue, TryAgain);
                await Task.Delay(TryAgain, time, ct).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A replay came to its end, if only after it was taken for lost; if it failed, it has been counted up, and nothing is changed.</summary>
    internal async Task HandledAsync(Guid id, int times, Guid? messageId)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            await Db(scope).DeadLetters.Where(l => l.Id == id && l.Times == times && l.MessageId == messageId && (l.Status == DeadLetterStatus.Replaying || l.Status == DeadLetterStatus.Waiting))
                .ExecuteUpdateAsync(set => set.SetProperty(l => l.Status, DeadLetterStatus.Replayed).SetProperty(l => l.Due, (DateTimeOffset?)null)).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // The message was handled, and is not to be handled again for want of this word.
            log.LogWarning(e, "Dead letter {Id} was replayed and handled; that could not be written down, and it goes on being shown as under way", id);
        }
    }

    private async Task KeepAsync(DeadLetter letter, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var now = time.GetUtcNow();
        var again = await db.DeadLetters.Where(l => l.Id == letter.Id).ExecuteUpdateAsync(set => set
            .SetProperty(l => l.Times, l => l.Times + 1).SetProperty(l => l.At, now)
            .SetProperty(l => l.Cause, letter.Cause).SetProperty(l => l.Error, letter.Error).SetProperty(l => l.Details, letter.Details)
            .SetProperty(l => l.Body, letter.Body).SetProperty(l => l.Cut, letter.Cut)
            .SetProperty(l => l.Status, DeadLetterStatus.Waiting).SetProperty(l => l.Due, (DateTimeOffset?)null)
            .SetProperty(l => l.SettledAt, (DateTimeOffset?)null).SetProperty(l => l.SettledBy, (string?)null).SetProperty(l => l.Reason, (string?)null), ct).ConfigureAwait(false);
        if (again > 0)
            return;
        (letter.Since, letter.At) = (now, now);
        db.Add(letter);
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
    }

    private static OpsDb Db(AsyncServiceScope scope) => scope.ServiceProvider.GetRequiredService<OpsDb>();
}
