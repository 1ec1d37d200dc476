using MassTransit;
using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Steps;

/// <summary>A step of a participant that has no undo: its effect is in the participant's own database. A refusal leaves no effect.</summary>
public abstract class DoStep<TDb, TDo>(TDb db) : AnyStep<TDb, TDo>(db)
    where TDb : DbContext
    where TDo : class
{
    /// <summary>Changes what has to be changed, through the context, and says what came of it: the done message or the refusal.</summary>
    protected abstract Task<StepAnswer> DoAsync(TDo ask, CancellationToken ct);

    public override Task Consume(ConsumeContext<TDo> context)
    {
        var turn = Turn.Of(context, Name);
        return !turn.Begins() ? Task.CompletedTask : AnswerAsync(turn, async () =>
        {
            var fingerprint = Fingerprint(BusinessOf(context.Message));
            if (await FindAsync(turn, undo: false).ConfigureAwait(false) is { } before)
                return Repeated(turn, before, fingerprint);
            var answer = turn.IsToRefuse() ? Planned(turn) : await DoAsync(context.Message, turn.Ct).ConfigureAwait(false);
            if (answer.Status == StepStatus.Refused)
                await RollBackEffectAsync(turn.Ct).ConfigureAwait(false);
            return Add(turn, undo: false, answer, fingerprint);
        }, Contends(context.Message));
    }

    /// <summary>Takes back what was changed so far. A refusal must not leave half an effect behind (the first of two products reserved, the second one short).</summary>
    protected Task RollBackEffectAsync(CancellationToken ct) => RollBackAsync(ct);
}
