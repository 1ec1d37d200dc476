using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>
/// The store of dead letters. Storing waits as long as the database is away: the message is held, its endpoint takes no more than its
/// prefetch, and nothing loops between broker and store.
/// </summary>
public sealed class DeadLetterStore(IServiceScopeFactory scopes, DatabaseOf<OpsDb> database, IBus bus, TimeProvider time, ILogger<DeadLetterStore> log)
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

    /// <summary>Those that wait for a person, the oldest first.</summary>
    public async Task<IReadOnlyList<DeadLetter>> WaitingAsync(int most, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await Db(scope).DeadLetters.AsNoTracking().Where(l => l.Status == DeadLetterStatus.Waiting)
            .OrderBy(l => l.At).ThenBy(l => l.Id).Take(most).ToListAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Sends it again as it came; false if it waits no more. Its id is the same, so whoever did handle it after all recognises it.</summary>
    public async Task<bool> ReplayAsync(Guid id, string actor, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var letter = await Db(scope).DeadLetters.AsNoTracking().SingleOrDefaultAsync(l => l.Id == id && l.Status == DeadLetterStatus.Waiting, ct).ConfigureAwait(false);
        if (letter is null)
            return false;
        await letter.SendAsync(bus, ct).ConfigureAwait(false);
        // It may have failed again already: then it has been counted up, and waits.
        return await SettleAsync(scope, id, letter.Times, DeadLetterStatus.Replayed, actor, reason: null, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Nobody will handle it: kept for the record, with who decided so and why.</summary>
    public async Task<bool> DiscardAsync(Guid id, string actor, string reason, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await SettleAsync(scope, id, times: null, DeadLetterStatus.Discarded, actor, reason, ct).ConfigureAwait(false);
    }

    private async Task<bool> SettleAsync(AsyncServiceScope scope, Guid id, int? times, string status, string actor, string? reason, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return await Db(scope).DeadLetters.Where(l => l.Id == id && l.Status == DeadLetterStatus.Waiting && (times == null || l.Times == times))
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.Status, status).SetProperty(l => l.SettledAt, now)
                .SetProperty(l => l.SettledBy, actor).SetProperty(l => l.Reason, reason), ct).ConfigureAwait(false) == 1;
    }

    private async Task KeepAsync(DeadLetter letter, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = Db(scope);
        var now = time.GetUtcNow();
        var again = await db.DeadLetters.Where(l => l.Id == letter.Id).ExecuteUpdateAsync(set => set
            .SetProperty(l => l.Times, l => l.Times + 1).SetProperty(l => l.At, now)
            .SetProperty(l => l.Cause, letter.Cause).SetProperty(l => l.Error, letter.Error).SetProperty(l => l.Details, letter.Details)
            .SetProperty(l => l.Status, DeadLetterStatus.Waiting), ct).ConfigureAwait(false);
        if (again > 0)
            return;
        (letter.Since, letter.At) = (now, now);
        db.Add(letter);
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
    }

    private static OpsDb Db(AsyncServiceScope scope) => scope.ServiceProvider.GetRequiredService<OpsDb>();
}
