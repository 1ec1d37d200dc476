using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>Sends what was decided to be replayed: by whoever decided it, and where he could not, by any node that looks.</summary>
public sealed class Resend(IServiceScopeFactory scopes, IBusControl bus, TimeProvider time, ILogger<Resend> log)
{
    private const int BatchSize = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    // By the clock on the wall: it is a broker that is waited for.
    private static readonly TimeSpan Try = TimeSpan.FromSeconds(5);

    /// <summary>For how long whoever sends a letter has it for himself.</summary>
    internal static TimeSpan Claim { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Sends a letter that is claimed until <paramref name="due"/>; why it was given back to wait for a person, if so.</summary>
    /// <remarks>A node that dies between the broker's word and its own has it sent twice; its id is the same.</remarks>
    internal async Task<string?> SendAsync(Guid id, DateTimeOffset due, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<OpsDb>();
        if (await db.DeadLetters.AsNoTracking().SingleOrDefaultAsync(l => l.Id == id && l.Status == DeadLetterStatus.Replaying && l.Due == due, ct).ConfigureAwait(false) is not { } letter)
            return null;
        // It may fail, or be handled, before this comes to its row: then it is as that says.
        var claimed = db.DeadLetters.Where(l => l.Id == id && l.Status == DeadLetterStatus.Replaying && l.Times == letter.Times && l.Due == due);
        try
        {
            await TrySendAsync(letter, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            return await FailedAsync(db, claimed, letter, e).ConfigureAwait(false);
        }

        // What never was in a queue of ours has nobody who says that he handled it: the broker has it.
        var status = letter.Address == DeadLetter.AddressOf(letter.Queue) ? DeadLetterStatus.Replaying : DeadLetterStatus.Replayed;
        await claimed.ExecuteUpdateAsync(set => set.SetProperty(l => l.Status, status).SetProperty(l => l.Due, (DateTimeOffset?)null), CancellationToken.None).ConfigureAwait(false);
        return null;
    }

    /// <summary>Sends what is left, and says when the next is due.</summary>
    internal async Task<DateTimeOffset?> SendDueAsync(CancellationToken ct)
    {
        while (true)
        {
            await using var scope = scopes.CreateAsyncScope();
            var open = scope.ServiceProvider.GetRequiredService<OpsDb>().DeadLetters.Where(l => l.Due != null);
            var now = time.GetUtcNow();
            var due = await open.Where(l => l.Due <= now).OrderBy(l => l.Due).Take(BatchSize).Select(l => new { l.Id, l.Due }).ToListAsync(ct).ConfigureAwait(false);
            if (due.Count == 0)
                return await open.MinAsync(l => l.Due, ct).ConfigureAwait(false);
            foreach (var letter in due)
            {
                var end = time.GetUtcNow() + Claim;
                if (await open.Where(l => l.Id == letter.Id && l.Due == letter.Due).ExecuteUpdateAsync(set => set.SetProperty(l => l.Due, end), ct).ConfigureAwait(false) == 1)
                    await SendAsync(letter.Id, end, ct).ConfigureAwait(false);
            }
        }
    }

    private bool BrokerIsThere => bus.IsWell();

    private async Task TrySendAsync(DeadLetter letter, CancellationToken ct)
    {
        if (!BrokerIsThere)
            throw new OutageException("The broker is away.");
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        enough.CancelAfter(Try);
        await letter.SendAsync(bus, enough.Token).WaitAsync(enough.Token).ConfigureAwait(false);
    }

    private async Task<string?> FailedAsync(OpsDb db, IQueryable<DeadLetter> claimed, DeadLetter letter, Exception why)
    {
        // Silence says nothing about the letter, whatever is the matter with the broker.
        if (why is OperationCanceledException or OutageException || !BrokerIsThere)
        {
            var again = time.GetUtcNow() + Pause;
            await claimed.ExecuteUpdateAsync(set => set.SetProperty(l => l.Due, again), CancellationToken.None).ConfigureAwait(false);
            log.LogWarning("Dead letter {Id} is to be replayed to {Queue}, and the broker does not take it; it is tried again until it does", letter.Id, letter.Queue);
            return null;
        }

        var back = await claimed.ExecuteUpdateAsync(
            set => set.SetProperty(l => l.Status, DeadLetterStatus.Waiting).SetProperty(l => l.Due, (DateTimeOffset?)null)
                .SetProperty(l => l.SettledAt, (DateTimeOffset?)null).SetProperty(l => l.SettledBy, (string?)null).SetProperty(l => l.Reason, (string?)null),
            CancellationToken.None).ConfigureAwait(false);
        if (back == 0)
            return null;
        log.LogError(why, "Dead letter {Id} could not be sent to {Queue} though the broker is there; it waits for a person again", letter.Id, letter.Queue);
        var now = time.GetUtcNow();
        db.Add(new OpsAction { Id = Guid.CreateVersion7(now), At = now, Actor = letter.SettledBy!, Action = "replay", DeadLetterId = letter.Id, SagaId = letter.SagaId, Outcome = "not sent", Reason = why.Message });
        await db.SaveChangesAsync(CancellationToken.None).ConfigureAwait(false);
        return why.Message;
    }
}
