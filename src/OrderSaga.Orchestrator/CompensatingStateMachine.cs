using System.Collections.Concurrent;
using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Outbox;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Folds a table of steps into a MassTransit state machine: each row gives a state, its messages give events, and every event is handled
/// in every state by the one decision. A row is all that a new step costs; no cell can be forgotten, because none is written by hand.
/// </summary>
public abstract partial class CompensatingStateMachine<TState> : MassTransitStateMachine<TState>
    where TState : CompensatingState
{
    private readonly TimeProvider time;
    private readonly List<Row> rows = [];
    private readonly List<Action<IReadOnlyList<State>>> cells = [];
    private readonly Dictionary<string, Func<TState, object>> commands = [];
    private readonly Dictionary<Ending, Func<TState, object>> endings = [];
    private readonly ConcurrentDictionary<string, Route> routes = [];

    protected CompensatingStateMachine(TimeProvider time)
    {
        this.time = time;
        InstanceState(s => s.CurrentState);
    }

    /// <summary>Closes the table; <typeparamref name="TSubmit"/> begins a saga on the bus.</summary>
    protected void Fold<TSubmit>(Action<TState, TSubmit> accept)
        where TSubmit : class
    {
        foreach (var row in rows)
            if (row.Reaches is null || (row.Undo is null && !row.PastReturn))
                throw new InvalidOperationException($"The step {row.Name} is unfinished: say what it Reaches, and UndoneBy what, or that it is PastReturn.");

        string[] names = [StateNames.Pending, .. rows.Where(r => !r.PastReturn).Select(r => r.Reaches!), StateNames.Complete, StateNames.Compensating, StateNames.Compensated, StateNames.Failed];
        State[] states = [.. names.Select(State)];
        foreach (var cell in cells)
            cell(states);

        var submitted = EventOf<TSubmit>();
        Initially(When(submitted).ThenAsync(context =>
        {
            accept(context.Saga, context.Message);
            return HandleAsync(context, new Happening.Submitted());
        }));
        During(states, When(submitted).ThenAsync(context =>
        {
            accept(context.Saga, context.Message);
            return HandleAsync(context, new Happening.Submitted());
        }));
    }

    /// <summary>The route of an order that starts now.</summary>
    internal Route CurrentRoute => RouteOf(string.Join(' ', rows.Select(r => r.Name)));

    internal Route RouteOf(string names) => routes.GetOrAdd(names, text => new Route([.. text.Split(' ').Select(name =>
        rows.Find(r => r.Name == name) is { } row
            ? new RouteStep(row.Name, row.Reaches!, row.Undo)
            : throw new InvalidOperationException($"An order's route names the step {name}, which this version does not know: deploy a version that has it."))]));

    internal Route RouteOf(TState saga) => saga.Route.Length == 0 ? CurrentRoute : RouteOf(saga.Route);

    /// <summary>Decides, changes the row, publishes what follows, and returns the log entry: everything but the commit.</summary>
    /// <remarks><paramref name="keep"/> takes what a step returned into the row; an answer that is ignored keeps nothing.</remarks>
    internal async Task<SagaLogEntry> ApplyAsync(TState saga, Happening happening, IPublishEndpoint publisher, CancellationToken ct, Action? keep = null)
    {
        var route = RouteOf(saga);
        var before = saga.ProgressOn(route);
        var decision = Decision.Of(before, route, happening);
        var now = time.GetUtcNow();
        saga.Take(decision.After, route, now);
        if (decision.Says == "done")
            keep?.Invoke();
        if (decision.Asks is { } asked)
            await AskAsync(saga, route, asked, publisher, ct).ConfigureAwait(false);
        if (decision.Ends is { } ending)
            await PublishAsync(saga, endings[ending](saga), publisher, ct).ConfigureAwait(false);
        return Entry(saga, route, before, happening, decision, now);
    }

    private async Task HandleAsync(BehaviorContext<TState> context, Happening happening, Action? keep = null)
    {
        var entry = await ApplyAsync(context.Saga, happening, context, context.CancellationToken, keep).ConfigureAwait(false);
        if (context.TryGetPayload<OutboxSession>(out var session))
            session.Entry = entry;
    }

    private Task AskAsync(TState saga, Route route, Asked asked, IPublishEndpoint publisher, CancellationToken ct)
    {
        var action = route.ActionOf(asked);
        var step = asked.Step < route.Count ? route[asked.Step].Name : action;
        var command = commands[action](saga);
        return publisher.Publish(command, command.GetType(), Pipe.Execute<PublishContext>(publish =>
        {
            // The id says which ask this is, the key only which action: an answer to one ask is told from an answer to a later one.
            publish.MessageId = MessageId.Derive(saga.CorrelationId, $"{action}:{asked.Attempt}");
            publish.Mandatory = true;
            SagaHeaders.Mark(publish, saga.CorrelationId, step, action);
        }), ct);
    }

    private static Task PublishAsync(TState saga, object ending, IPublishEndpoint publisher, CancellationToken ct)
    {
        var name = ending.GetType().Name;
        return publisher.Publish(ending, ending.GetType(), Pipe.Execute<PublishContext>(publish =>
        {
            publish.MessageId = MessageId.Derive(saga.CorrelationId, name);
            SagaHeaders.Mark(publish, saga.CorrelationId, name, name);
        }), ct);
    }

    private static SagaLogEntry Entry(TState saga, Route route, Progress before, Happening happening, Decision decision, DateTimeOffset now)
    {
        var (step, direction, error) = happening switch
        {
            Happening.Done e => (e.Step, "do", null),
            Happening.Refused e => (e.Step, "do", e.Detail is null ? e.Reason : $"{e.Reason}: {e.Detail}"),
            Happening.Undone e => (e.Step, "undo", null),
            Happening.Apologised => (Route.Apology, "apology", null),
            _ => ((string?)null, (string?)null, (string?)null),
        };
        var action = direction == "undo" ? route.First(r => r.Name == step).Undo : step;
        return new SagaLogEntry
        {
            OrderId = saga.CorrelationId,
            Seq = saga.Version,
            Step = step,
            Direction = direction,
            Attempt = before.Asked?.Attempt ?? 0,
            Status = decision.Says,
            Key = action is null ? null : SagaHeaders.KeyOf(saga.CorrelationId, action),
            Asks = decision.Asks is { } asked ? route.ActionOf(asked) : null,
            Error = error,
            At = now,
        };
    }

    private Event<T> EventOf<T>()
        where T : class
        => Event<T>(typeof(T).Name, e =>
        {
            e.CorrelateById(context => SagaMessage<T>.SagaId(context.Message));
            e.OnMissingInstance(missing => missing.Fault());
        });

    private void Cell<T>(Func<T, Happening> read, Action<TState, T>? keep = null)
        where T : class
        => cells.Add(states => During(states, When(EventOf<T>()).ThenAsync(context =>
            HandleAsync(context, read(context.Message), keep is null ? null : () => keep(context.Saga, context.Message)))));
}
