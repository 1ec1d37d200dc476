using Microsoft.EntityFrameworkCore;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Steps;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Where orders come in. When a submission is accepted, its row, its log and its first command are committed: it can be read at once,
/// and it comes to rest whatever happens to this process.
/// </summary>
public sealed class Intake
{
    private readonly Outbox<OrchestratorDb> outbox;
    private readonly OrderStateMachine machine;
    private readonly TimeProvider time;

    internal Intake(Outbox<OrchestratorDb> outbox, OrderStateMachine machine, TimeProvider time) => (this.outbox, this.machine, this.time) = (outbox, machine, time);

    /// <summary>What is wrong with a submission, by field.</summary>
    public IReadOnlyDictionary<string, string[]> Check(SubmitOrder order) => Submission.Check(order, OrderStateMachine.QuotesCount(machine.Switch()));

    /// <summary>What is wrong with a fault plan, by field.</summary>
    public IReadOnlyDictionary<string, string[]> Check(IReadOnlyList<PlannedFault> faults) => FaultPlan.Check(faults, machine.WholeRoute);

    /// <summary>
    /// Accepts a submission (its order id is set here). The same customer, key and content again is the same order, not a second one.
    /// </summary>
    /// <remarks>Who goes away while it is done does not end it: others share the commit.</remarks>
    public Task<Accepted> SubmitAsync(SubmitOrder order, string? idempotencyKey, CancellationToken ct, IReadOnlyList<PlannedFault>? faults = null) => outbox.RunAsync(async (db, session) =>
    {
        // Time first, so that new rows lie side by side; the other 74 bits are random and cannot be guessed.
        var orderId = Guid.CreateVersion7(time.GetUtcNow());
        SagaTrace.Mark(orderId);
        if (idempotencyKey is not null && await BeforeAsync(db, order, idempotencyKey).ConfigureAwait(false) is { } before)
        {
            SagaTrace.Mark(before.OrderId);
            return before;
        }

        var saga = new OrderState { IdempotencyKey = idempotencyKey, Faults = PlannedFault.Write(faults ?? []) };
        await machine.ApplyAsync(saga, new Happening.Submitted(), session.Publisher, session, CancellationToken.None,
            keep: () => machine.Begin(saga, (s, on) => s.Accept(order with { OrderId = orderId }, OrderStateMachine.QuotesCount(on)))).ConfigureAwait(false);
        session.Entry!.MessageId = MessageId.Derive(orderId, nameof(SubmitOrder));
        db.Add(saga);
        return new Accepted(orderId, Replayed: false);
    }, ct, shares: idempotencyKey is null ? Guid.NewGuid() : MessageId.Derive(Guid.Empty, $"{order.Customer.Id}:{idempotencyKey}"));

    private static async Task<Accepted?> BeforeAsync(OrchestratorDb db, SubmitOrder order, string key)
    {
        var before = await db.Everywhere.AsNoTracking()
            .SingleOrDefaultAsync(o => o.CustomerId == order.Customer.Id && o.IdempotencyKey == key).ConfigureAwait(false);
        if (before is null)
            return null;
        return OrderState.Content(before.Submitted) == OrderState.Content(order)
            ? new Accepted(before.OrderId, Replayed: true)
            : throw new IdempotencyKeyReusedException(key);
    }
}

/// <summary>The order that a submission led to; <paramref name="Replayed"/> if an earlier submission had led to it.</summary>
public sealed record Accepted(Guid OrderId, bool Replayed);

/// <summary>The customer used the key before, for another order.</summary>
public sealed class IdempotencyKeyReusedException(string key) : Exception($"The idempotency key '{key}' was used for an order with other content: send a new key with a new order.");
