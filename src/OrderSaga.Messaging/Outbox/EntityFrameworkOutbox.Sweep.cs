using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Sagas;

namespace OrderSaga.Messaging.Outbox;

// What nobody has sent: looked for at the start and every minute, sent, and put aside where it cannot be.
internal sealed partial class EntityFrameworkOutbox<TDb, TEntry>
{
    private const int MostFailures = 10;
    private static readonly TimeSpan SweepPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    // At the start what is older than this process was left by one that is gone; later on, what nobody is just sending.
    private Task SweepAsync(CancellationToken ct) => time.EveryAsync(
        SweepPause, first => SendUnsentAsync(first ? began : time.GetUtcNow() - Grace, ct), log, "Looking for unsent messages", ct);

    private async Task SendUnsentAsync(DateTimeOffset before, CancellationToken ct)
    {
        var (after, last) = (DateTimeOffset.MinValue, Guid.Empty);
        while (true)
        {
            await using var scope = scopes.CreateAsyncScope();
            var unsent = await scope.ServiceProvider.GetRequiredService<TDb>().Set<TEntry>().AsNoTracking()
                .Where(e => e.Outgoing != null && e.At < before && (e.At > after || (e.At == after && e.MessageId.CompareTo(last) > 0)))
                .OrderBy(e => e.At).ThenBy(e => e.MessageId).Take(BatchSize).ToListAsync(ct).ConfigureAwait(false);
            if (unsent.Count == 0)
                return;
            log.LogInformation("Sending the messages of {Count} commits that were left unsent", unsent.Count);
            foreach (var entry in unsent)
            {
                var messages = entry.IsToldByItsRow ? await AskItsRowAsync(scope.ServiceProvider, entry, ct).ConfigureAwait(false) : OutgoingMessage.Read(entry);
                if (messages is not null && !await TrySendUnsentAsync(entry.Id, messages, ct).ConfigureAwait(false))
                    return;
            }

            (after, last) = (unsent[^1].At, unsent[^1].MessageId);
        }
    }

    // Null where it cannot say it: then it stays unsent, where a person sees it, and holds up nobody behind it.
    private async Task<IReadOnlyCollection<OutgoingMessage>?> AskItsRowAsync(IServiceProvider services, TEntry entry, CancellationToken ct)
    {
        var session = new OutboxSession(services, bus);
        Exception? why = null;
        try
        {
            await services.GetRequiredService<IRepeat<TDb>>().RepeatAsync(services.GetRequiredService<TDb>(), entry, session.Publisher, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && !Database.IsAway(e))
        {
            why = e;
        }

        if (why is null && session.Messages.Count > 0)
            return session.Messages;
        log.LogError(why, "What is to be sent because of {MessageId} stands in a row that does not say it", entry.MessageId);
        return null;
    }

    // False if it is the broker that is away: then none of them can be sent, and no message is to blame.
    private async Task<bool> TrySendUnsentAsync(HandledId id, IReadOnlyCollection<OutgoingMessage> messages, CancellationToken ct)
    {
        try
        {
            await OutgoingMessage.SendAsync(messages, bus, ct).ConfigureAwait(false);
            sent.Writer.TryWrite(id);
            return true;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            if (!bus.IsWell())
                return false;
            await CountAsync(id, messages, e, ct).ConfigureAwait(false);
            return true;
        }
    }

    private async Task CountAsync(HandledId id, IReadOnlyCollection<OutgoingMessage> messages, Exception why, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var counted = messages.Select(m => m with { Failures = m.Failures + 1, IsToldByItsRow = false }).ToList();
        log.LogWarning(why, "{Count} messages caused by {MessageId} could not be sent, for the {Failures}. time", counted.Count, id.MessageId, counted[0].Failures);
        string? left = OutgoingMessage.Write(counted);
        if (counted[0].Failures >= MostFailures && scope.ServiceProvider.GetService<DeadLetterStore>() is { } store)
        {
            // Parked where a person sees them; stored there before they are forgotten here.
            foreach (var message in counted)
                await store.StoreAsync(message.ToDeadLetter(why), ct).ConfigureAwait(false);
            left = null;
        }

        await scope.ServiceProvider.GetRequiredService<TDb>().Set<TEntry>().Where(e => e.OrderId == id.OrderId && e.MessageId == id.MessageId)
            .ExecuteUpdateAsync(set => set.SetProperty(e => e.Outgoing, left), ct).ConfigureAwait(false);
    }
}
