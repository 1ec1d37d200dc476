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
    public Task<Accepted> SubmitAsync(SubmitOrder order, string? idempotencyKey, CancellationToken ct, IReadOnlyList<PlannedFault>? faults = null)
    {
        var look = idempotencyKey is null ? null : new Look(order.Customer.Id, idempotencyKey);
        return outbox.RunAsync((db, session) => SubmitAsync(order, look, faults ?? [], db, session), ct, look is null ? new(Guid.NewGuid()) : new(MessageId.Derive(Guid.Empty, $"{look.Customer}:{look.Key}"), look, ReadAsync));
    }

    private async Task<Accepted> SubmitAsync(SubmitOrder order, Look? look, IReadOnlyList<PlannedFault> faults, OrchestratorDb db, OutboxSession session)
    {
        // Time first, so that new rows lie side by side; the other 74 bits are random and cannot be guessed.
        var orderId = Guid.CreateVersion7(time.GetUtcNow());
        SagaTrace.Mark(orderId);
        if (look?.Before is { } before)
        {
            SagaTrace.Mark(before.OrderId);
            return OrderState.Content(before.Submitted) == OrderState.Content(order) ? new Accepted(before.OrderId) : throw new IdempotencyKeyReusedException(look.Key);
        }

        var saga = new OrderState { IdempotencyKey = look?.Key, Faults = PlannedFault.Write(faults) };
        await machine.ApplyAsync(saga, new Happening.Submitted(), session.Publisher, session, CancellationToken.None,
            keep: () => machine.Begin(saga, (s, on) => s.Accept(order with { OrderId = orderId }, OrderStateMachine.QuotesCount(on)))).ConfigureAwait(false);
        session.Entry!.MessageId = MessageId.Derive(orderId, nameof(SubmitOrder));
        db.Add(saga);
        return new Accepted(orderId) { New = OrderView.Of(machine, saga, [(SagaLogEntry)session.Entry]) };
    }

    // Of all that come together at once: a customer's key may meet that of another here, and is told apart by both below.
    private static async Task ReadAsync(OrchestratorDb db, IReadOnlyList<object> looks)
    {
        var all = looks.Cast<Look>().ToList();
        var (customers, keys) = (all.Select(l => l.Customer).Distinct().ToList(), all.Select(l => l.Key).Distinct().ToList());
        var found = (await db.Everywhere.AsNoTracking().Where(o => customers.Contains(o.CustomerId) && keys.Contains(o.IdempotencyKey!)).ToListAsync().ConfigureAwait(false))
            .ToDictionary(o => (o.CustomerId, o.IdempotencyKey!));
        foreach (var look in all)
            look.Before = found.GetValueOrDefault((look.Customer, look.Key));
    }

    private sealed class Look(string customer, string key)
    {
        public string Customer => customer;

        public string Key => key;

        public OrderState? Before { get; set; }
    }
}

/// <summary>The order that a submission led to.</summary>
public sealed record Accepted(Guid OrderId)
{
    /// <summary>As it is committed; none if an earlier submission had led to it.</summary>
    public OrderView? New { get; init; }

    /// <summary>An earlier submission had led to it.</summary>
    public bool Replayed => New is null;
}

/// <summary>The customer used the key before, for another order.</summary>
public sealed class IdempotencyKeyReusedException(string key) : Exception($"The idempotency key '{key}' was used for an order with other content: send a new key with a new order.");
