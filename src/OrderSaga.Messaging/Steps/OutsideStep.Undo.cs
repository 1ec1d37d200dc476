using MassTransit;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Steps;

// The undo is a call outside like the do, with an intent and a key of its own.
public abstract partial class OutsideStep<TDb, TDo, TDone, TUndo>
{
    private static readonly TimeSpan FirstLook = TimeSpan.FromMinutes(1);

    public async Task Consume(ConsumeContext<TUndo> context)
    {
        var turn = Turn.Of(context, Name);
        if (!turn.Begins())
            return;
        FaultsOutside = turn.FaultsOutside;
        var next = await CommitAsync(turn, () => BeginUndoAsync(turn)).ConfigureAwait(false);
        if (next.Move == Move.LookUp)
        {
            await FindOutAsync(turn, next.Until).ConfigureAwait(false);
            next = await CommitAsync(turn, () => BeginUndoAsync(turn)).ConfigureAwait(false);
        }

        if (next.Move == Move.Call)
            next = Answer(await UndoAsync(turn, next).ConfigureAwait(false));
        if (next.Entry is { } entry)
            await PublishAsync(turn, entry).ConfigureAwait(false);
    }

    private async Task<Next> BeginUndoAsync(Turn turn)
    {
        var (intent, undo) = (await IntentAsync(turn, undo: false).ConfigureAwait(false), await IntentAsync(turn, undo: true).ConfigureAwait(false));
        if (await FindAsync(turn, undo: true).ConfigureAwait(false) is { } before)
            return Answer(before);
        var did = await FindAsync(turn, undo: false).ConfigureAwait(false);
        if (did is null && intent is not null)
            return intent.IsLive(turn) ? default : new(Move.LookUp, Until: intent.Hold(turn, Lease));
        if (did is { Status: StepStatus.Done })
        {
            if (undo?.IsLive(turn) == true)
                return default;
            return new(Move.Call, Did: (TDone)Read(did), Until: (undo ?? AddIntent(turn, undo: true)).Take(turn, Lease));
        }

        if (did is null)
        {
            // Nobody was asked, and nobody will be: the empty intent keeps out a do that begins at this moment.
            AddIntent(turn, undo: false);
            Bar(turn);
        }

        return Answer(AddNothingToUndo(turn));
    }

    private StepLogEntry AddNothingToUndo(Turn turn) => Add(turn, undo: true, new(StepStatus.NothingToUndo, NothingToUndo(turn.OrderId)));

    // An intent without an outcome, and an undo that waits for it: either there is an effect, or there must never be one.
    private async Task FindOutAsync(Turn turn, DateTimeOffset until)
    {
        if (await LookUpAsync(turn, undo: false, until).ConfigureAwait(false) is { } known)
            await RecordAsync(turn, known).ConfigureAwait(false);
        else
            await CommitAsync(turn, () => BarAsync(turn)).ConfigureAwait(false);
    }

    private async Task<bool> BarAsync(Turn turn)
    {
        var intent = await IntentAsync(turn, undo: false).ConfigureAwait(false);
        if (intent!.Owner != turn.Owner || await FindAsync(turn, undo: false).ConfigureAwait(false) is not null)
            return false;
        // The call of a process that stood still may land yet.
        intent.Watch(turn.Now, turn.Now + FirstLook);
        Bar(turn);
        AddNothingToUndo(turn);
        return true;
    }

    private async Task<StepLogEntry> UndoAsync(Turn turn, Next next)
    {
        var undone = await CallUndoAsync(turn, next.Did!, next.Until).ConfigureAwait(false);
        return await CommitAsync(turn, async () =>
        {
            var intent = await IntentAsync(turn, undo: true).ConfigureAwait(false);
            if (await FindAsync(turn, undo: true).ConfigureAwait(false) is { } before)
                return before;
            intent!.Settle();
            await KeepUndoneAsync(next.Did!, turn.Ct).ConfigureAwait(false);
            return Add(turn, undo: true, new(StepStatus.Undone, undone));
        }).ConfigureAwait(false);
    }

    // To undo twice under one key is to undo once: if it fails, whoever comes next need not wait.
    private Task<object> CallUndoAsync(Turn turn, TDone done, DateTimeOffset until) =>
        OrLeaveAsync(turn, undo: true, until, ct => UndoOutsideAsync(done, KeyOf(turn, undo: true), ct));

    // ---- late ----

    // The step was not done, whoever asked heard so, and yet there is its effect. The intent of its undo is what remembers that: nothing
    // is left to look for once it is settled, and until then somebody will come back to it.
    private async Task UndoLateAsync(Turn turn, StepLogEntry stands, TDone done)
    {
        if (await CommitAsync(turn, () => BeginLateAsync(turn, done)).ConfigureAwait(false) is not { } until)
            return;
        turn.Log(GetType()).LogError("Order {OrderId}: {Step} took effect after it was {Status}; it is undone now", turn.OrderId, Name, stands.Status);
        var undone = await CallUndoAsync(turn, done, until).ConfigureAwait(false);
        // Told before it is settled: whoever dies in between tells it again, under the same id. It is an answer of its own, for the
        // undo was answered before, with something else.
        var told = MessageId.Derive(turn.OrderId, $"{KeyOf(turn, undo: true)}:late");
        await PublishAsync(turn with { Action = typeof(TUndo).Name, Command = told, Fault = null }, undone).ConfigureAwait(false);
        await CommitAsync(turn, () => SettleLateAsync(turn, done)).ConfigureAwait(false);
    }

    private async Task<DateTimeOffset?> BeginLateAsync(Turn turn, TDone done)
    {
        var (intent, undo) = (await IntentAsync(turn, undo: false).ConfigureAwait(false), await IntentAsync(turn, undo: true).ConfigureAwait(false));
        intent!.Settle();
        if (undo is null)
            await KeepAsync(done, turn.Ct).ConfigureAwait(false);
        else if (undo.Due is null || undo.IsLive(turn))
            return null;
        return (undo ?? AddIntent(turn, undo: true)).Take(turn, Lease);
    }

    private async Task<bool> SettleLateAsync(Turn turn, TDone done)
    {
        var undo = await IntentAsync(turn, undo: true).ConfigureAwait(false);
        if (undo!.Owner != turn.Owner)
            return false;
        undo.Settle();
        await KeepUndoneAsync(done, turn.Ct).ConfigureAwait(false);
        return true;
    }
}
