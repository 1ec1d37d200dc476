using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Steps;

// What is left behind: by a process that died and that nobody asks for any more, or as a barred step whose effect may land yet.
public abstract partial class OutsideStep<TDb, TDo, TDone, TUndo>
{
    private const int BatchSize = 200;
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestWatch = TimeSpan.FromDays(1);

    async Task<IReadOnlyList<Intent>> IOutsideStep.LeftBehindAsync(DateTimeOffset now, CancellationToken ct) =>
        await Db.Set<Intent>().AsNoTracking().Where(i => i.Due != null && i.Due <= now && i.Step == Name)
            .OrderBy(i => i.Due).Take(BatchSize).ToListAsync(ct).ConfigureAwait(false);

    async Task IOutsideStep.LookAfterAsync(Intent left, IServiceProvider services, IPublishEndpoint bus, CancellationToken ct)
    {
        var action = left.Undo ? typeof(TUndo).Name : Name;
        var turn = new Turn(left.OrderId, action, left.Command, Guid.NewGuid(), services, bus, ct);
        var next = await CommitAsync(turn, () => TakeAsync(turn, left.Undo)).ConfigureAwait(false);
        if (next.Move == Move.Call)
            next = Answer(await UndoAsync(turn, next).ConfigureAwait(false));
        else if (next.Move == Move.LookUp)
            next = await LookAsync(turn, left.Undo, next.Until).ConfigureAwait(false);
        if (next.Entry is not { } entry)
            return;
        turn.Log(GetType()).LogInformation("Order {OrderId}: {Action} was left without an outcome; it is {Status}", turn.OrderId, action, entry.Status);
        await PublishAsync(turn, entry).ConfigureAwait(false);
    }

    private async Task<Next> TakeAsync(Turn turn, bool undo)
    {
        var intent = await IntentAsync(turn, undo).ConfigureAwait(false);
        if (intent?.Due is not { } due || due > turn.Now)
            return default;
        var (did, undid) = (await FindAsync(turn, undo: false).ConfigureAwait(false), await FindAsync(turn, undo: true).ConfigureAwait(false));
        var until = intent.Hold(turn, Lease);
        return undo && undid is null && did is { Status: StepStatus.Done } ? new(Move.Call, Did: (TDone)Read(did), Until: until) : new(Move.LookUp, Until: until);
    }

    private async Task<Next> LookAsync(Turn turn, bool undo, DateTimeOffset until)
    {
        if (await LookUpAsync(turn, undo, until).ConfigureAwait(false) is { } outcome)
        {
            var stands = await RecordAsync(turn, outcome).ConfigureAwait(false);
            // Whoever asked for what is barred was refused, or will be when he asks again.
            return undo || stands.Status == StepStatus.Barred ? default : Answer(stands);
        }

        await LeaveAsync(turn, undo, answered: true).ConfigureAwait(false);
        return default;
    }

    /// <summary>
    /// Nothing was found out, or there was no answer. Whoever asks may take it up; the look-after comes back ever less often, and no
    /// more once the outside has said for a whole day that there is nothing.
    /// </summary>
    private Task<bool> LeaveAsync(Turn turn, bool undo, bool answered) => CommitAsync(turn, async () =>
    {
        var intent = await IntentAsync(turn, undo).ConfigureAwait(false);
        if (intent!.Owner != turn.Owner)
            return false;
        var since = turn.Now - intent.At;
        if (!answered || since < LongestWatch)
        {
            intent.Leave(turn.Now + TimeSpan.FromTicks(Math.Clamp(since.Ticks, FirstLook.Ticks, LongestPause.Ticks)));
            return true;
        }

        turn.Log(GetType()).LogInformation("Order {OrderId}: {Step} is not looked for any more, the outside has known nothing of it for {Time}", turn.OrderId, Name, since);
        intent.Settle();
        return true;
    });

    // A late command for a barred step: if it was ever called, this may be the redelivery of a call whose process died when it landed.
    private async Task LookAgainAsync(Turn turn, Intent? intent)
    {
        if (intent is { Fingerprint: not null, Due: null } && await IntentAsync(turn, undo: true).ConfigureAwait(false) is null)
            intent.Watch(turn.Now, turn.Now);
    }
}

/// <summary>Made by <see cref="OutsideStep{TDb,TDo,TDone,TUndo}"/> alone; what the look-after needs of it.</summary>
public interface IOutsideStep : IConsumer
{
    internal Task<IReadOnlyList<Intent>> LeftBehindAsync(DateTimeOffset now, CancellationToken ct);

    internal Task LookAfterAsync(Intent left, IServiceProvider services, IPublishEndpoint bus, CancellationToken ct);
}
