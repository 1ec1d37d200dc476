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
    /// <summary>Undoes what was done; only called if it was, and once. Returns the confirmation, or that it is <see cref="TooLate"/>.</summary>
    protected abstract Task<object> UndoAsync(TUndo ask, CancellationToken ct);

    /// <summary>What was done cannot be undone any more, and never will be. The answer says so.</summary>
    protected static object TooLate(object answer) => new StepAnswer(StepStatus.TooLate, answer);

    /// <summary>The confirmation of an undo that finds nothing to undo.</summary>
    protected abstract object NothingToUndo(Guid orderId);

    public Task Consume(ConsumeContext<TUndo> context)
    {
        // An undo is seldom, and what it changes that others change shows only in the middle of it.
        var turn = Turn.Of(context, Name) with { MayShare = false };
        return !turn.Begins() ? Task.CompletedTask : AnswerAsync(turn, async () =>
        {
            if (await FindAsync(turn, undo: true).ConfigureAwait(false) is { } before)
                return before;
            var done = await FindAsync(turn, undo: false).ConfigureAwait(false);
            object? answer = null;
            if (done is { Status: StepStatus.Done } || (done is null && await IsUnderWayAsync(turn).ConfigureAwait(false)))
                answer = await UndoAsync(context.Message, turn.Ct).ConfigureAwait(false);
            // After the undo, which may have begun its transaction anew.
            if (done is null)
            {
                // Begun since it was looked for: its effect is not undone yet. Once more, on what is there now.
                if (await StopAsync(turn).ConfigureAwait(false) && answer is null)
                    throw new DbUpdateConcurrencyException($"{Name} began while its undo looked for it.");
                Bar(turn);
            }

            if (answer is not null)
                return Add(turn, undo: true, answer is StepAnswer tooLate ? tooLate : new(StepStatus.Undone, answer));
            return Add(turn, undo: true, new(StepStatus.NothingToUndo, NothingToUndo(turn.OrderId)));
        });
    }

    /// <summary>Whether the step has begun and is not answered yet, if it is one that takes its time.</summary>
    private protected virtual Task<bool> IsUnderWayAsync(Turn turn) => Task.FromResult(false);

    /// <summary>What is under way does not go on, and nothing begins any more. Returns whether something was.</summary>
    private protected virtual Task<bool> StopAsync(Turn turn) => Task.FromResult(false);
}
