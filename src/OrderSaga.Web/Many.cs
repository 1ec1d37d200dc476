using OrderSaga.Messaging;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>The same done to many stuck undos or dead letters, with how it is known what became of each.</summary>
internal sealed class Many(Bulk bulk, Queries queries, Operations operations, DeadLetterDesk desk)
{
    public Task<BulkAnswer> RetryAsync(Page<StuckLine> found, string? reason, string actor, CancellationToken ct) => OnStuckAsync(
        found, (stuck, stop) => operations.RetryUndoAsync(stuck.OrderId, stuck.Step, reason, actor, stop),
        async (left, stop) =>
        {
            var ended = await queries.UndosEndedAsync([.. left.Select(s => (s.OrderId, s.Step))], stop).ConfigureAwait(false);
            return left.Where(s => ended.ContainsKey((s.OrderId, s.Step))).ToDictionary(s => s, s => ended[(s.OrderId, s.Step)]);
        }, ct);

    public Task<BulkAnswer> ResolveAsync(Page<StuckLine> found, string reason, string evidence, string actor, CancellationToken ct) =>
        OnStuckAsync(found, (stuck, stop) => operations.ResolveUndoAsync(stuck.OrderId, stuck.Step, reason, evidence, actor, stop), ended: null, ct);

    public Task<BulkAnswer> ReplayAsync(Page<DeadLetterLine> found, string? reason, string actor, CancellationToken ct) => OnLettersAsync(
        found, (letter, stop) => desk.ReplayAsync(letter.Id, reason, actor, stop),
        async (left, stop) =>
        {
            var ended = await desk.EndedAsync([.. left.Select(l => l.Id)], stop).ConfigureAwait(false);
            return left.Where(l => ended.ContainsKey(l.Id)).ToDictionary(l => l, l => ended[l.Id]);
        }, ct);

    public Task<BulkAnswer> DiscardAsync(Page<DeadLetterLine> found, string reason, string actor, CancellationToken ct) =>
        OnLettersAsync(found, (letter, stop) => desk.DiscardAsync(letter.Id, reason, actor, stop), ended: null, ct);

    /// <summary>What came of acting on an order, as one of many.</summary>
    public static Tried Done(Outcome outcome) => new(outcome.Answer == Answer.Decided, outcome.Answer == Answer.Already ? null : outcome.Why);

    private Task<BulkAnswer> OnStuckAsync(
        Page<StuckLine> found, Func<StuckLine, CancellationToken, Task<Outcome>> act, Func<IReadOnlyCollection<StuckLine>, CancellationToken, Task<IReadOnlyDictionary<StuckLine, bool>>>? ended, CancellationToken ct) =>
        bulk.RunAsync(found, stuck => (stuck.OrderId, stuck.Step, Queries.MarkOf(stuck)), async (stuck, stop) => Done(await act(stuck, stop).ConfigureAwait(false)), ended, ct);

    private Task<BulkAnswer> OnLettersAsync(
        Page<DeadLetterLine> found, Func<DeadLetterLine, CancellationToken, Task<LetterOutcome>> act, Func<IReadOnlyCollection<DeadLetterLine>, CancellationToken, Task<IReadOnlyDictionary<DeadLetterLine, bool>>>? ended, CancellationToken ct) =>
        bulk.RunAsync(found, letter => (letter.Id, null, DeadLetterDesk.MarkOf(letter)),
            async (letter, stop) => await act(letter, stop).ConfigureAwait(false) is var outcome && outcome.Answer == LetterAnswer.Decided ? new(Done: true) : new(Done: false, outcome.Why), ended, ct);
}
