using MassTransit;
using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Steps;

/// <summary>A step of a participant that has no undo: its effect is in the participant's own database. A refusal leaves no effect.</summary>
public abstract class DoStep<TDb, TDo>(TDb db) : AnyStep<TDb, TDo>(db)
    where TDb : DbContext
    where TDo : class
{
    /// <summary>
    /// What the steps of orders that share a commit need or change alike, by few statements for all of them, before each is done by itself: an
    /// order's step finds in the context what was done for it here. What other orders change too is taken in the order of its names, so that
    /// two nodes never wait for each other in a circle. Comes before each step, with a single one if it shares with nobody.
    /// </summary>
    protected virtual Task PrepareAsync(IReadOnlyList<TDo> asks, CancellationToken ct) => Task.CompletedTask;

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
            return Add(turn, undo: false, await DoneAsync(turn, context.Message).ConfigureAwait(false), fingerprint);
        }, context.Message);
    }

    /// <summary>Does it, or as the fault plan says; of a refusal, nothing stays.</summary>
    private protected async Task<StepAnswer> DoneAsync(Turn turn, TDo ask)
    {
        if (turn.IsToRefuse())
            return Planned(turn);
        if (!IsShared)
            await PrepareAsync([ask], turn.Ct).ConfigureAwait(false);
        var answer = await DoAsync(ask, turn.Ct).ConfigureAwait(false);
        if (answer is { Status: StepStatus.Refused, IsAtOnce: false })
            await RollBackEffectAsync(turn.Ct).ConfigureAwait(false);
        return answer;
    }

    private protected override async Task ReadAsync(IReadOnlyList<Asked> turns)
    {
        await base.ReadAsync(turns).ConfigureAwait(false);
        var asks = new List<TDo>();
        foreach (var (turn, ask) in turns)
            if (ask is not null && !turn.IsToRefuse() && await IsNewAsync(turn).ConfigureAwait(false))
                asks.Add(ask);
        if (asks.Count > 0)
            await PrepareAsync(asks, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Whether the step is to be done: nothing has come of it, and nothing is under way.</summary>
    private protected virtual async Task<bool> IsNewAsync(Turn turn) => await FindAsync(turn, undo: false).ConfigureAwait(false) is null;

    /// <summary>Takes back what was changed so far. A refusal must not leave half an effect behind (the first of two products reserved, the second one short).</summary>
    protected Task RollBackEffectAsync(CancellationToken ct) => RollBackAsync(ct);
}
