using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Orchestrator;

// What goes out because of a decision: a command, an ending, the log row, the list of what is stuck.
public abstract partial class CompensatingStateMachine<TState>
{
    private readonly Dictionary<string, Func<TState, object>> commands = [];
    private Func<TState, Ending, IReadOnlyList<string>, string, object> endings = null!;
    private Func<TState, string, DateTimeOffset, object> alerts = null!;

    /// <summary>Says once more what the order awaits an answer to, under the id that it was said under.</summary>
    internal Task RepeatAsync(TState saga, IPublishEndpoint publisher, CancellationToken ct)
    {
        var route = RouteOf(saga.Route);
        return saga.ProgressOn(route).Asked is { Phase: Phase.Awaiting } asked ? AskAsync(saga, route, asked, publisher, ct) : Task.CompletedTask;
    }

    /// <summary>Says once more that the order is complete, under the id that it was said under.</summary>
    /// <remarks>Without its route, whose steps another version may have named.</remarks>
    internal Task RetellAsync(TState saga, IPublishEndpoint publisher, CancellationToken ct) => EndAsync(saga, Ending.Completed, [], actor: null, publisher, ct);

    private Task AskAsync(TState saga, Route route, Asked asked, IPublishEndpoint publisher, CancellationToken ct)
    {
        var action = route.ActionOf(asked);
        var step = asked.Step < route.Count ? route[asked.Step].Name : action;
        var command = commands[action](saga);
        var faults = FaultPlan.Take(saga, step, asked.Direction == Direction.Undo, times.TimeOf(step));
        return publisher.Publish(command, command.GetType(), Pipe.Execute<PublishContext>(publish =>
        {
            // The token says which ask this is, the key only which action: an answer to one ask is told from an answer to a later one.
            publish.MessageId = MessageId.Derive(saga.CorrelationId, $"{action}:{saga.Token}");
            publish.Mandatory = true;
            OutboxSession.NeedNotBeStored(publish);
            SagaHeaders.Mark(publish, saga.CorrelationId, step, action);
            if (faults is not null)
                publish.Headers.Set(PlannedFault.Header, faults);
        }), ct);
    }

    private Task EndAsync(TState saga, Ending ending, IReadOnlyList<string> left, string? actor, IPublishEndpoint publisher, CancellationToken ct)
    {
        var message = endings(saga, ending, left, actor ?? "the participant");
        // Of an order that is complete nothing changes any more; of another one the steps that are left to a person, and the reason, may.
        return SayAsync(saga, message, message.GetType().Name, publisher, ct, toldByRow: ending == Ending.Completed);
    }

    // Stored with the decision: it goes out though this process dies, and arrives though nobody listens yet.
    private Task AlertAsync(TState saga, string alert, DateTimeOffset now, IPublishEndpoint publisher, CancellationToken ct) =>
        SayAsync(saga, alerts(saga, alert, now), $"alert:{saga.Version}", publisher, ct);

    private static Task SayAsync(TState saga, object message, string what, IPublishEndpoint publisher, CancellationToken ct, bool toldByRow = false)
    {
        var name = message.GetType().Name;
        return publisher.Publish(message, message.GetType(), Pipe.Execute<PublishContext>(publish =>
        {
            publish.MessageId = MessageId.Derive(saga.CorrelationId, what);
            if (toldByRow)
                OutboxSession.IsToldByItsRow(publish);
            SagaHeaders.Mark(publish, saga.CorrelationId, name, name);
        }), ct);
    }

    private static SagaLogEntry Record(OutboxSession session, TState saga, Route route, Progress before, Happening happening, Decision decision, string? actor, DateTimeOffset now)
    {
        var entry = Entry(saga.CorrelationId, saga.Version, route, before, happening, decision, actor, now);
        session.Entry = entry;
        if (actor is not null)
            session.Also((db, _) =>
            {
                if (AuditEntry.Of(entry, happening) is { } audit)
                    db.Add(audit);
                return Task.CompletedTask;
            });
        if (decision.Stuck is { } stuck)
            session.Also((db, ct) => StuckUndo.AddAsync(db, saga.CorrelationId, route[stuck.Step].Name, stuck, now, ct));
        if (decision.Settled is { } settled)
            session.Also((db, ct) => StuckUndo.SettleAsync(db, saga.CorrelationId, route[settled].Name, now, ct));
        return entry;
    }

    /// <summary>What the log says of a decision.</summary>
    internal static SagaLogEntry Entry(Guid orderId, int version, Route route, Progress before, Happening happening, Decision decision, string? actor, DateTimeOffset now)
    {
        var about = About(route, before, happening);
        var action = about is { } asked ? route.ActionOf(asked) : null;
        return new()
        {
            OrderId = orderId,
            Seq = version,
            Step = about is { Step: var i } && i < route.Count ? route[i].Name : action,
            Direction = about is { Direction: var direction } ? CompensatingState.Word(direction) : null,
            Attempt = before.Asked is { } now_ && about is { } that && now_.Direction == that.Direction && now_.Step == that.Step ? now_.Attempt : 0,
            Status = decision.Says,
            Key = action is null ? null : SagaHeaders.KeyOf(orderId, action),
            Asks = decision.Asks is { } next ? route.ActionOf(next) : null,
            Error = decision.Detail,
            Actor = actor,
            At = now,
        };
    }

    // Which ask a message was about; for what is about the whole order, the one that it interrupted.
    private static Asked? About(Route route, Progress before, Happening happening)
    {
        Asked? On(string step, Direction direction) => route.IndexOf(step) is >= 0 and var i ? new Asked(direction, i, 0) : null;
        return happening switch
        {
            Happening.Done e => On(e.Step, Direction.Do),
            Happening.Refused e => On(e.Step, Direction.Do),
            Happening.StillAtWork e => On(e.Step, Direction.Do),
            Happening.Undone e => On(e.Step, Direction.Undo),
            Happening.TooLate e => On(e.Step, Direction.Undo),
            Happening.Retried e => On(e.Step, Direction.Undo),
            Happening.Resolved e => On(e.Step, Direction.Undo),
            Happening.Faulted e => route.Knows(e.Action) ? route.AskedBy(e.Action, 0) : null,
            Happening.Apologised => new Asked(Direction.Apology, route.Count, 0),
            Happening.TimeUp or Happening.Restarted => before.Asked,
            _ => null,
        };
    }
}
