using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Outbox;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Acting on orders, for customers and operators: what their messages on the bus do, but at once, so that the answer says what was
/// decided. One commit holds the row, the log and the audit; the row's version keeps it from whoever moves the order at the same time.
/// </summary>
public sealed class Operations
{
    /// <summary>The longest reason of a cancel: it becomes the order's, and the customer reads it.</summary>
    public const int LongestReason = 100;

    private readonly Outbox<OrchestratorDb> outbox;
    private readonly OrderStateMachine machine;
    private readonly Database database;

    internal Operations(Outbox<OrchestratorDb> outbox, OrderStateMachine machine, DatabaseOf<OrchestratorDb> database) => (this.outbox, this.machine, this.database) = (outbox, machine, database.Value);

    /// <summary>Undoes the order.</summary>
    /// <param name="orderId">The order.</param>
    /// <param name="reason">Why; a code or a few words.</param>
    /// <param name="actor">The operator who does it; none for the customer.</param>
    /// <param name="ct">Ends it.</param>
    public Task<Outcome> CancelAsync(Guid orderId, string? reason, string? actor, CancellationToken ct) =>
        ActAsync(orderId, new Happening.Cancelled(reason ?? Happening.Cancelled.WithoutReason), actor, ct);

    /// <summary>Holds the order: answers are recorded, nothing new is asked.</summary>
    public Task<Outcome> PauseAsync(Guid orderId, string? reason, string actor, CancellationToken ct) => ActAsync(orderId, new Happening.Paused(reason), actor, ct);

    /// <summary>Lets a held order go on.</summary>
    public Task<Outcome> ResumeAsync(Guid orderId, string? reason, string actor, CancellationToken ct) => ActAsync(orderId, new Happening.Resumed(reason), actor, ct);

    /// <summary>Has a stuck undo tried again.</summary>
    public Task<Outcome> RetryUndoAsync(Guid orderId, string step, string? reason, string actor, CancellationToken ct) => OnStepAsync(orderId, step, s => new Happening.Retried(s, reason), actor, ct);

    /// <summary>Takes a stuck undo off the list: it was finished by hand, and this is how that is known.</summary>
    public Task<Outcome> ResolveUndoAsync(Guid orderId, string step, string reason, string evidence, string actor, CancellationToken ct) =>
        OnStepAsync(orderId, step, s => new Happening.Resolved(s, reason, evidence), actor, ct);

    /// <summary>What is wrong with what somebody says about an action, by field.</summary>
    public static IReadOnlyDictionary<string, string[]> Check(params IEnumerable<(string Field, string? Text, int Longest, bool Required)> texts)
    {
        var wrong = new Dictionary<string, string[]>();
        foreach (var (field, text, longest, required) in texts)
        {
            if (text is null ? required : string.IsNullOrWhiteSpace(text) || text.Length > longest || text.Any(char.IsControl))
                wrong.Add(field, [$"A text of 1 to {longest} characters is required{(required ? "" : ", or none")}."]);
            else if (CardNumber.IsIn(text))
                wrong.Add(field, ["This looks like a card number. It would be stored: leave it out."]);
        }

        return wrong;
    }

    private Task<Outcome> OnStepAsync(Guid orderId, string step, Func<string, Happening> what, string actor, CancellationToken ct) =>
        machine.StepNamed(step) is { } known
            ? ActAsync(orderId, what(known), actor, ct)
            : Task.FromResult(new Outcome(Answer.Unknown, orderId, Why: $"There is no step '{step}'. The steps are {string.Join(", ", machine.AllSteps)}."));

    private async Task<Outcome> ActAsync(Guid orderId, Happening happening, string? actor, CancellationToken ct)
    {
        try
        {
            return await DecideAsync(orderId, happening, actor, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (database.IsConflict(e))
        {
            return new Outcome(Answer.Refused, orderId, Why: "Others were faster again and again: look at the order, and try again.");
        }
    }

    private Task<Outcome> DecideAsync(Guid orderId, Happening happening, string? actor, CancellationToken ct) => outbox.RunAsync(async (db, session) =>
    {
        var saga = await db.Orders.SingleOrDefaultAsync(o => o.CorrelationId == orderId, ct).ConfigureAwait(false) ?? await Archive.BringBackAsync(db, orderId, ct).ConfigureAwait(false);
        if (saga is null)
            return new Outcome(Answer.Unknown, orderId, Why: $"No order has the id {orderId}.");
        var decision = await machine.ApplyAsync(saga, happening, session.Publisher, session, ct, actor: actor).ConfigureAwait(false);
        session.Entry!.MessageId = MessageId.Derive(orderId, $"act:{saga.Version}");
        var answer = decision.Denied ? Answer.Refused : decision.Says == Said.Ignored ? Answer.Already : Answer.Decided;
        // What operators try is kept whatever comes of it. Everybody else may ask as often as he likes, and leaves nothing behind.
        if (actor is null && answer != Answer.Decided)
            session.Entry = null;
        return new Outcome(answer, orderId, saga.CurrentState, saga.Status, decision.Says, decision.Denied ? decision.Detail : null);
    }, ct);
}

/// <summary>What came of acting on an order.</summary>
/// <param name="Answer">In a word.</param>
/// <param name="OrderId">The order.</param>
/// <param name="State">Where it stands by this decision.</param>
/// <param name="Status">The same in a customer's words.</param>
/// <param name="Says">What its log says of it.</param>
/// <param name="Why">Why nothing was done, if so.</param>
public sealed record Outcome(Answer Answer, Guid OrderId, string? State = null, string? Status = null, string? Says = null, string? Why = null);

/// <summary>Whether something was done.</summary>
public enum Answer
{
    /// <summary>There is no such order or step.</summary>
    Unknown,

    /// <summary>It is decided and committed.</summary>
    Decided,

    /// <summary>It had been done before; nothing was changed.</summary>
    Already,

    /// <summary>It must not be done as the order stands.</summary>
    Refused,
}
