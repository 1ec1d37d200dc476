using MassTransit;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// A step whose effect lies outside of our database, behind something that knows a call again by its key: a payment gateway. The intent
/// is committed first, then it is called with the step's key, outside of any transaction, then what came of it is committed. Whoever
/// finds an intent without an outcome asks the outside by the key; nobody ever assumes that nothing happened. An undo that asks, and
/// hears of nothing, bars the step; should the effect turn up after that, it is undone at once, and reported.
/// </summary>
/// <remarks>
/// The leases only keep two from calling at once where one is enough. What keeps the effect single is the key outside, and the step
/// log's row inside, which only one outcome can have. An intent is always read before the step log: who records an outcome changes
/// both, so an intent that was read too early fails at the commit, and a step log row cannot be missed.
/// </remarks>
public abstract partial class OutsideStep<TDb, TDo, TDone, TUndo>(TDb db) : AnyStep<TDb, TDo>(db), IConsumer<TUndo>, IOutsideStep
    where TDb : DbContext
    where TDo : class
    where TDone : class
    where TUndo : class
{
    private static readonly RowsOf<TDb, Intent> Intents = new((db, orders, step) => db.Set<Intent>().AsTracking().Where(i => orders.Contains(i.OrderId) && i.Step == step));

    private enum Move
    {
        /// <summary>Somebody else is at it, or it is done with: no answer. Whoever needs one asks again.</summary>
        Nothing,
        Answer,

        /// <summary>Somebody was at it before: the outside knows what became of it.</summary>
        LookUp,
        Call,
    }

    /// <summary>How long a call may take. It is told to give up then; others may take the step up after that.</summary>
    protected virtual TimeSpan Lease => TimeSpan.FromSeconds(10);

    /// <summary>What is planned to go wrong outside (<see cref="PlannedFault"/>), to be handed on as it is.</summary>
    protected string? FaultsOutside { get; private set; }

    /// <summary>
    /// Does it, outside, where the same key is the same call. Refused is final; an exception says that the outcome is unknown, and the same
    /// call is tried again; an <see cref="OutageException"/>, that it makes no sense for now.
    /// </summary>
    protected abstract Task<StepAnswer> DoOutsideAsync(TDo ask, string key, CancellationToken ct);

    /// <summary>What the outside did under this key; null if it knows nothing of it.</summary>
    protected abstract Task<StepAnswer?> FindOutsideAsync(Guid orderId, string key, CancellationToken ct);

    /// <summary>Undoes, outside, exactly what was done. May be called again with the same key. Returns the confirmation.</summary>
    protected abstract Task<object> UndoOutsideAsync(TDone done, string key, CancellationToken ct);

    /// <summary>The confirmation of an undo that finds nothing to undo.</summary>
    protected abstract object NothingToUndo(Guid orderId);

    /// <summary>What our own tables say of what was done, in the transaction of its step log row.</summary>
    protected virtual Task KeepAsync(TDone done, CancellationToken ct) => Task.CompletedTask;

    /// <summary>What our own tables say once it is undone.</summary>
    protected virtual Task KeepUndoneAsync(TDone done, CancellationToken ct) => Task.CompletedTask;

    public override async Task Consume(ConsumeContext<TDo> context)
    {
        var turn = Turn.Of(context, Name);
        if (!turn.Begins())
            return;
        FaultsOutside = turn.FaultsOutside;
        var fingerprint = Fingerprint(BusinessOf(context.Message));
        var next = await CommitAsync(turn, () => BeginAsync(turn, fingerprint)).ConfigureAwait(false);
        if (next.Move is Move.Call or Move.LookUp)
        {
            var known = next.Move == Move.LookUp ? await LookUpAsync(turn, undo: false, next.Until).ConfigureAwait(false) : null;
            var outcome = known ?? (turn.IsToRefuse() ? Planned(turn) : await CallAsync(turn, next, context.Message).ConfigureAwait(false));
            next = Answer(await RecordAsync(turn, outcome).ConfigureAwait(false));
        }

        if (next.Entry is { } entry)
            await PublishAsync(turn, entry).ConfigureAwait(false);
    }

    private static string KeyOf(Turn turn, bool undo) => SagaHeaders.KeyOf(turn.OrderId, undo ? typeof(TUndo).Name : Name);

    private static Next Answer(StepLogEntry entry) => new(Move.Answer, Entry: entry);

    private async Task<Next> BeginAsync(Turn turn, string fingerprint)
    {
        var intent = await IntentAsync(turn, undo: false).ConfigureAwait(false);
        if (await FindAsync(turn, undo: false).ConfigureAwait(false) is { } before)
        {
            if (before.Status == StepStatus.Barred)
                await LookAgainAsync(turn, intent).ConfigureAwait(false);
            return Answer(Repeated(turn, before, fingerprint));
        }

        if (intent is null)
            return new(Move.Call, Until: AddIntent(turn, undo: false, fingerprint).Take(turn, Lease));
        if (intent.Fingerprint != fingerprint)
            return Answer(Reused(turn));
        if (intent.IsLive(turn))
            return default;
        var held = intent.Owner == turn.Owner ? intent.Due : null;
        return new(held is not null ? Move.Call : Move.LookUp, Held: held, Until: intent.Take(turn, Lease));
    }

    private async Task<StepAnswer> CallAsync(Turn turn, Next next, TDo ask)
    {
        try
        {
            // If it fails the lease goes on: what was called may still land.
            return await InTimeAsync(turn, next.Until, ct => DoOutsideAsync(ask, KeyOf(turn, undo: false), ct)).ConfigureAwait(false);
        }
        catch (OutageException e) when (!e.WasCalled)
        {
            await GiveBackAsync(turn with { Ct = CancellationToken.None }, next.Held).ConfigureAwait(false);
            throw;
        }
    }

    private Task<bool> GiveBackAsync(Turn turn, DateTimeOffset? held) => CommitAsync(turn, async () =>
    {
        var intent = await IntentAsync(turn, undo: false).ConfigureAwait(false);
        if (intent!.Owner != turn.Owner)
            return false;
        intent.GiveBack(held, turn.Now, turn.Now + FirstLook);
        return true;
    });

    /// <summary>What came of the call is the step's outcome, unless somebody has recorded one meanwhile. Returns the row that stands.</summary>
    private async Task<StepLogEntry> RecordAsync(Turn turn, StepAnswer outcome)
    {
        var stands = await CommitAsync(turn, async () =>
        {
            var intent = await IntentAsync(turn, undo: false).ConfigureAwait(false);
            var before = await FindAsync(turn, undo: false).ConfigureAwait(false);
            if (IsLate(before, outcome))
                return before!;
            intent!.Settle();
            if (before is null && outcome.Status == StepStatus.Done)
                await KeepAsync((TDone)outcome.Message, turn.Ct).ConfigureAwait(false);
            return before ?? Add(turn, undo: false, outcome, intent.Fingerprint);
        }).ConfigureAwait(false);
        if (IsLate(stands, outcome))
            await UndoLateAsync(turn, stands, (TDone)outcome.Message).ConfigureAwait(false);
        return stands;
    }

    // It was barred by its undo meanwhile; or refused to one who called again, by an outside that remembers only what it did.
    private static bool IsLate(StepLogEntry? stands, StepAnswer outcome) => stands is not (null or { Status: StepStatus.Done }) && outcome.Status == StepStatus.Done;

    // ---- intents ----

    private protected override async Task ReadAsync(IReadOnlyList<Asked> turns)
    {
        await ReadAsync(Intents, turns).ConfigureAwait(false);
        await base.ReadAsync(turns).ConfigureAwait(false);
    }

    private Task<Intent?> IntentAsync(Turn turn, bool undo) =>
        RowAsync(turn, Db.Set<Intent>().AsTracking().Where(i => i.OrderId == turn.OrderId && i.Step == Name && i.Undo == undo), turn.OrderId, Name, undo);

    private Intent AddIntent(Turn turn, bool undo, string? fingerprint = null) =>
        Db.Add(new Intent { OrderId = turn.OrderId, Step = Name, Undo = undo, Fingerprint = fingerprint }).Entity;

    // ---- outside ----

    // Nothing was done by asking: if it fails, whoever comes next need not wait.
    private Task<StepAnswer?> LookUpAsync(Turn turn, bool undo, DateTimeOffset until) =>
        OrLeaveAsync(turn, undo, until, ct => FindOutsideAsync(turn.OrderId, KeyOf(turn, undo: false), ct));

    private async Task<T> OrLeaveAsync<T>(Turn turn, bool undo, DateTimeOffset until, Func<CancellationToken, Task<T>> act)
    {
        try
        {
            return await InTimeAsync(turn, until, act).ConfigureAwait(false);
        }
        catch
        {
            await LeaveAsync(turn with { Ct = CancellationToken.None }, undo, answered: false).ConfigureAwait(false);
            throw;
        }
    }

    // A call has the time of its lease. It is not renewed: one that hangs would hold its order for as long as it hangs.
    private static async Task<T> InTimeAsync<T>(Turn turn, DateTimeOffset until, Func<CancellationToken, Task<T>> act)
    {
        var left = until - turn.Now;
        if (left <= TimeSpan.Zero)
            throw new TimeoutException($"{turn.Action} for {turn.OrderId} was not called: its lease had run out.");
        using var lease = new CancellationTokenSource(left, turn.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lease.Token, turn.Ct);
        try
        {
            return await act(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!turn.Ct.IsCancellationRequested)
        {
            // An outage like any other, and not a cancellation, which a consumer's pipe would take for a stop.
            throw new TimeoutException($"{turn.Action} for {turn.OrderId} was not answered by the outside in time.");
        }
    }

    /// <summary>What a turn found, and may do until its lease ends.</summary>
    private readonly record struct Next(Move Move, StepLogEntry? Entry = null, TDone? Did = null, DateTimeOffset Until = default, DateTimeOffset? Held = null);
}
