using System.Collections.Concurrent;
using System.Threading.Channels;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Outbox;

/// <summary><typeparamref name="TEntry"/> is the row that is inbox and outbox: a saga's log, or <see cref="HandledMessage"/> itself.</summary>
internal sealed partial class EntityFrameworkOutbox<TDb, TEntry>(
    IServiceScopeFactory scopes,
    IBusControl bus,
    DatabaseOf<TDb> database,
    IHostApplicationLifetime host,
    TimeProvider time,
    ILogger<EntityFrameworkOutbox<TDb, TEntry>> log) : Outbox<TDb>
    where TDb : DbContext
    where TEntry : HandledMessage
{
    private const int BatchSize = 200;
    private const int MostTries = 8;
    private static readonly TimeSpan MarkPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(1);

    // Apart from the messages' groups: who places an order waits for no commit but that of others who do. Whose saga it is shows only then.
    private readonly GroupCommit<TDb> groups = new(scopes, database) { TracesOne = false };

    private readonly Interruption unable = new("Messages cannot be sent now; nothing is lost: they are stored, or will be asked for again", "Messages are sent again");

    // What was sent is marked behind the hot path, many rows per statement. A lost mark only means that its messages are sent again.
    private readonly Channel<HandledId> sent = Channel.CreateUnbounded<HandledId>(new UnboundedChannelOptions { SingleReader = true });

    // What failed once is sent again as soon as the broker is there: nobody should wait a minute for that. What does not fit is for the sweep.
    private readonly Channel<(HandledId Id, IReadOnlyCollection<OutgoingMessage> Messages)> failed =
        Channel.CreateBounded<(HandledId, IReadOnlyCollection<OutgoingMessage>)>(new BoundedChannelOptions(BatchSize) { FullMode = BoundedChannelFullMode.DropWrite });

    // What was said outside of consumers and is not confirmed yet.
    private readonly ConcurrentDictionary<Task, bool> onTheirWay = new();

    private DateTimeOffset began;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        began = time.GetUtcNow();
        return base.StartAsync(cancellationToken);
    }

    public override async Task<T> RunAsync<T>(Func<TDb, OutboxSession, Task<T>> work, CancellationToken ct, Shared<TDb>? shares = null)
    {
        var (result, session) = (shares is null ? null : await ShareAsync(work, shares, ct).ConfigureAwait(false)) ?? await RunAloneAsync(work, shares, ct).ConfigureAwait(false);
        if (session.Entry is null)
            return result;
        // What is committed is sent, so the caller need not wait for the broker; unless it falls behind, and is there.
        var sending = SendBehindAsync(session);
        if (onTheirWay.Count > ReliableMessaging.MostAtOnce && bus.IsWell())
            await sending.ConfigureAwait(false);
        return result;
    }

    private async Task SendBehindAsync(OutboxSession session)
    {
        var sending = SendAsync(session.Entry!.Id, session.Messages, CancellationToken.None);
        if (sending.IsCompleted)
            return;
        onTheirWay.TryAdd(sending, default);
        await sending.ConfigureAwait(false);
        onTheirWay.TryRemove(sending, out _);
    }

    private async Task<(T Result, OutboxSession Session)?> ShareAsync<T>(Func<TDb, OutboxSession, Task<T>> work, Shared<TDb> shares, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        (T Result, OutboxSession Session) done = default;
        var unit = new Unit<TDb>(shares, shares.KindOf(work), async db =>
        {
            var session = new OutboxSession(scope.ServiceProvider, bus);
            done = (await work(db, session).ConfigureAwait(false), session);
            if (session.Entry is not null && session.IsPlain)
                await AddAsync(db, session, ct).ConfigureAwait(false);
            return session.IsPlain;
        }, ct);
        return await groups.TryAsync(unit).ConfigureAwait(false) ? done : null;
    }

    private async Task<(T Result, OutboxSession Session)> RunAloneAsync<T>(Func<TDb, OutboxSession, Task<T>> work, Shared<TDb>? shares, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<TDb>();
            var session = new OutboxSession(scope.ServiceProvider, bus);
            try
            {
                await using var transaction = await db.Database.BeginWholeAsync(ct).ConfigureAwait(false);
                if (shares?.Read is { } read)
                    await read(db, [shares.About]).ConfigureAwait(false);
                var result = await work(db, session).ConfigureAwait(false);
                if (session.Entry is not null)
                {
                    await AddAsync(db, session, ct).ConfigureAwait(false);
                    await db.SaveChangesAsync(ct).ConfigureAwait(false);
                    await transaction.CommitAsync(ct).ConfigureAwait(false);
                }

                return (result, session);
            }
            catch (Exception e) when (attempt < MostTries && database.Value.IsConflict(e))
            {
            }
        }
    }

    internal override Task AddAsync(TDb db, OutboxSession session, CancellationToken ct)
    {
        session.Entry!.Outgoing = OutgoingMessage.Write(session.Messages);
        db.Add(session.Entry);
        return session.MakeChangesAsync(db, ct);
    }

    internal override async Task SendAsync(HandledId id, IReadOnlyCollection<OutgoingMessage> messages, CancellationToken ct)
    {
        if (messages.Count > 0 && !await TrySendAsync(id, messages, ct).ConfigureAwait(false) && messages.Any(m => !m.Repeatable))
            failed.Writer.TryWrite((id, messages));
    }

    private async Task<bool> TrySendAsync(HandledId id, IReadOnlyCollection<OutgoingMessage> messages, CancellationToken ct)
    {
        try
        {
            await OutgoingMessage.SendAsync(messages, bus, ct).ConfigureAwait(false);
            if (messages.Any(m => !m.Repeatable))
                sent.Writer.TryWrite(id);
            unable.Ended(log);
            return true;
        }
        catch (Exception e)
        {
            unable.Began(log, e);
            return false;
        }
    }

    internal override async Task<HandledMessage?> FindAsync(TDb db, HandledId id, CancellationToken ct) =>
        await db.Set<TEntry>().AsNoTracking().SingleOrDefaultAsync(e => e.OrderId == id.OrderId && e.MessageId == id.MessageId, ct).ConfigureAwait(false);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(onTheirWay.Keys).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        sent.Writer.TryComplete();
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await host.StartedAsync(stoppingToken).ConfigureAwait(false);
        await Task.WhenAll(MarkAsync(stoppingToken), SendFailedAsync(stoppingToken), SweepAsync(stoppingToken)).ConfigureAwait(false);
    }

    private async Task SendFailedAsync(CancellationToken ct)
    {
        while (await failed.Reader.WaitToReadAsync(ct).ConfigureAwait(false))
        {
            do
                await Task.Delay(TryAgain, time, ct).ConfigureAwait(false);
            while (!bus.IsWell());
            // Once; what is to blame itself is counted by the sweep.
            while (failed.Reader.TryRead(out var next))
            {
                if (await TrySendAsync(next.Id, next.Messages, ct).ConfigureAwait(false) || bus.IsWell())
                    continue;
                failed.Writer.TryWrite(next);
                break;
            }
        }
    }

    private async Task MarkAsync(CancellationToken ct)
    {
        while (await sent.Reader.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
        {
            // The pause gathers a batch; it ends at once when the host stops, and what is left is marked then.
            await PauseAsync(MarkPause, ct).ConfigureAwait(false);
            var batch = new List<HandledId>(BatchSize);
            while (batch.Count < BatchSize && sent.Reader.TryRead(out var id))
                batch.Add(id);
            while (!await TryMarkAsync(batch).ConfigureAwait(false) && !ct.IsCancellationRequested)
                await PauseAsync(TryAgain, ct).ConfigureAwait(false);
        }
    }

    private async Task<bool> TryMarkAsync(List<HandledId> batch)
    {
        try
        {
            // By pairs, for one message id may have been used for two orders; by each of the two, for that is what the index knows.
            var (orders, ids, pairs) = (batch.Select(b => b.OrderId).Distinct().ToList(), batch.Select(b => b.MessageId).ToList(), batch.ConvertAll(b => $"{b.OrderId}{b.MessageId}"));
            await using var scope = scopes.CreateAsyncScope();
            await scope.ServiceProvider.GetRequiredService<TDb>().Set<TEntry>()
                .Where(e => orders.Contains(e.OrderId) && ids.Contains(e.MessageId) && pairs.Contains((e.OrderId.ToString() + e.MessageId.ToString()).ToLower()))
                .ExecuteUpdateAsync(set => set.SetProperty(e => e.Outgoing, (string?)null), CancellationToken.None).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.LogWarning(e, "{Count} sent messages could not be marked; until they are they may be sent once more, which their receivers recognise", batch.Count);
            return false;
        }
    }

    // Waits, or returns early when the host stops.
    private Task PauseAsync(TimeSpan pause, CancellationToken ct) =>
        Task.Delay(pause, time, ct).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
}
