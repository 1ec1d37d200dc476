using System.Globalization;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Scheduling;

namespace OrderSaga.Orchestrator;

/// <summary>
/// What is done when nothing was heard: an order's deadline has passed, or its process had died. One commit per order; the row's version
/// keeps it from one that somebody else has just moved.
/// </summary>
internal sealed class Deadlines(Outbox<OrchestratorDb> outbox, OrderStateMachine machine, Hearing hearing, TimeProvider time) : IActOnTimeout<OrderState>
{
    private readonly TaskCompletionSource counting = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// From now on silence counts. Not before what a forgetful transport lost has been asked again: it was not the participants who were
    /// silent while nobody was there to hear them.
    /// </summary>
    public void Count() => counting.TrySetResult();

    async Task IActOnTimeout<OrderState>.ActAsync(Guid sagaId, int token, CancellationToken ct)
    {
        await counting.Task.WaitAsync(ct).ConfigureAwait(false);
        await TimeIsUpAsync(sagaId, token, Late, ct).ConfigureAwait(false);
    }

    /// <summary>Acts for the sweep.</summary>
    public Task TimeIsUpAsync(Guid orderId, int token, CancellationToken ct) => TimeIsUpAsync(orderId, token, saga => $"found by the sweep {Late(saga)}", ct);

    /// <summary>Asks again what was asked over a transport that is gone.</summary>
    public Task RestartedAsync(Guid orderId, CancellationToken ct) =>
        ActAsync(orderId, (_, _) => Task.FromResult<Happening?>(new Happening.Restarted()), _ => "left behind by the last process", ct);

    // Acts, if the deadline of this token still counts and has passed. While nothing can be heard, or the service that is asked stands
    // still, nothing is done: what goes by then is no silence, and the sweep comes when it is over.
    private Task TimeIsUpAsync(Guid orderId, int token, Func<OrderState, string> why, CancellationToken ct) => hearing.IsDeaf ? Task.CompletedTask : ActAsync(orderId, async (db, saga) =>
    {
        // The time first: an outage that goes on is said anew before what was said of it runs out, so it is among those that are read then.
        var now = time.GetUtcNow();
        var outages = await db.Outages.AsNoTracking().ToListAsync(ct).ConfigureAwait(false);
        var ofIt = outages.ToLookup(o => o.Concerns(saga.Asked), o => o.Time);
        return ofIt[true].Any(o => o.Until > now) ? null
            : new Happening.TimeUp(token) { Deaf = [.. hearing.Times, .. ofIt[true]], Elsewhere = [.. ofIt[false]] };
    }, why, ct);

    private Task<bool> ActAsync(Guid orderId, Func<OrchestratorDb, OrderState, Task<Happening?>> what, Func<OrderState, string> why, CancellationToken ct) => outbox.RunAsync(async (db, session) =>
    {
        var saga = await db.Orders.SingleOrDefaultAsync(o => o.CorrelationId == orderId, ct).ConfigureAwait(false);
        // Ended and archived since, or not to be taken for silent.
        if (saga is null || await what(db, saga).ConfigureAwait(false) is not { } happening)
            return false;
        var because = why(saga);
        var decision = await machine.ApplyAsync(saga, happening, session.Publisher, session, ct).ConfigureAwait(false);
        if (decision.Says == Said.Ignored)
        {
            // Somebody else moved it meanwhile; nothing to commit.
            session.Entry = null;
            return false;
        }

        session.Entry!.MessageId = MessageId.Derive(orderId, $"sweep:{saga.Version}");
        if (session.Entry is SagaLogEntry { ToTell: { } told })
            told.Why = because;
        return true;
    }, ct);

    private string Late(OrderState saga) => string.Create(CultureInfo.InvariantCulture, $"{(time.GetUtcNow() - saga.Due)?.TotalSeconds:0.0} s past its deadline");
}
