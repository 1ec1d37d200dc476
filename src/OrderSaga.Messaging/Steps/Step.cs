using MassTransit;
using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Steps;

/// <summary>
/// A step of a participant and its undo, side by side. On top of <see cref="DoStep{TDb,TDo}"/>: an undo that comes first bars the step
/// and is confirmed, so the late command is refused; the undo of nothing is confirmed; a second undo is confirmed again and does nothing.
/// </summary>
public abstract class Step<TDb, TDo, TUndo>(TDb db) : DoStep<TDb, TDo>(db), IConsumer<TUndo>
    where TDb : DbContext
    where TDo : class
    where TUndo : class
{
    /// <summary>Undoes what was done; only called if it was, and once. Returns the confirmation.</summary>
    protected abstract Task<object> UndoAsync(TUndo ask, CancellationToken ct);

    /// <summary>The confirmation of an undo that finds nothing to undo.</summary>
    protected abstract object NothingToUndo(Guid orderId);

    public Task Consume(ConsumeContext<TUndo> context)
    {
        var turn = Turn.Of(context, Name);
        return !turn.Begins() ? Task.CompletedTask : AnswerAsync(turn, async () =>
        {
            if (await FindAsync(turn, undo: true).ConfigureAwait(false) is { } before)
                return before;
            var done = await FindAsync(turn, undo: false).ConfigureAwait(false);
            if (done is { Status: StepStatus.Done })
                return Add(turn, undo: true, new(StepStatus.Undone, await UndoAsync(context.Message, turn.Ct).ConfigureAwait(false)));
            if (done is null)
                Bar(turn);
            return Add(turn, undo: true, new(StepStatus.NothingToUndo, NothingToUndo(turn.OrderId)));
        });
    }
}
