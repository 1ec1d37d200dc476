using System.Collections.Concurrent;
using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Orchestrator;

/// <summary>
/// Folds a table of steps into a MassTransit state machine: each row gives a state, its messages give events, and every event is handled
/// in every state by the one decision. A row is all that a new step costs; no cell can be forgotten, because none is written by hand.
/// </summary>
public abstract partial class CompensatingStateMachine<TState> : MassTransitStateMachine<TState>
    where TState : CompensatingState
{
    private readonly IOptionsMonitor<CheckoutOptions> options;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly Patience patience;
    private readonly CheckoutOptions times;
    private CheckoutOptions switches;
    private string? unreadable;
    private readonly List<Row> rows = [];
    private readonly List<Action<IReadOnlyList<State>>> cells = [];
    private readonly ConcurrentDictionary<string, Route> routes = [];
    private readonly HashSet<string> messages = [];

    protected CompensatingStateMachine(IOptionsMonitor<CheckoutOptions> options, TimeProvider time, ILogger log)
    {
        (this.options, this.time, this.log) = (options, time, log);
        switches = options.CurrentValue;
        times = switches;
        patience = times.Patience;
        InstanceState(s => s.CurrentState);
    }

    /// <summary>The one timer of an order: the nearest of its deadlines.</summary>
    public Schedule<TState, TimeUp> Timer { get; protected set; } = null!;

    /// <summary>Closes the table; <typeparamref name="TSubmit"/> begins a saga on the bus.</summary>
    protected void Fold<TSubmit>(Action<TState, TSubmit, StepSwitch> accept)
        where TSubmit : class
    {
        CheckTable();
        State[] states = [.. StateNamesInOrder.Select(State)];
        // Reaches only the states that are there already.
        Schedule(() => Timer, s => s.TimerId, timer => timer.Received = e => e.CorrelateById(context => context.Message.OrderId));

        // What concerns the whole order, whatever its steps.
        Cell<CancelCheckout>(m => new Happening.Cancelled(m.Reason ?? Happening.Cancelled.WithoutReason), actor: m => m.Actor, mayOvertake: true);
        Cell<StepProgress>(m => new Happening.StillAtWork(m.Step, m.Until));
        Cell<RetryUndo>(m => new Happening.Retried(m.Step), actor: m => m.Actor);
        Cell<ResolveUndo>(m => new Happening.Resolved(m.Step, m.Reason, m.Evidence), actor: m => m.Actor);
        Cell<PauseCheckout>(m => new Happening.Paused(m.Reason), actor: m => m.Actor);
        Cell<ResumeCheckout>(_ => new Happening.Resumed(), actor: m => m.Actor);
        foreach (var cell in cells)
            cell(states);
        During(states, Handle(When(Timer.Received), m => new Happening.TimeUp(m.Token)));

        var submitted = Event<TSubmit>(typeof(TSubmit).Name, e => e.CorrelateById(context => SagaMessage<TSubmit>.SagaId(context.Message)));
        Initially(SetTimer(When(submitted).ThenAsync(context => HandleAsync(context, new Happening.Submitted(), () =>
        {
            context.Saga.Faults = FaultPlan.Of(context, WholeRoute);
            Begin(context.Saga, (s, on) => accept(s, context.Message, on));
        }))));
        During(states, SetTimer(When(submitted).ThenAsync(context =>
        {
            accept(context.Saga, context.Message, Switch());
            return HandleAsync(context, new Happening.Submitted());
        })));
    }

    /// <summary>Accepts a new order and fixes its route, both by the same look at the switches.</summary>
    internal void Begin(TState saga, Action<TState, StepSwitch> accept)
    {
        var on = Switch();
        accept(saga, on);
        saga.Route = string.Join(' ', rows.Where(r => !r.Retired && (r.Condition is null || r.Condition(saga, on))).Select(r => r.Name));
    }

    /// <summary>The rows that a new order could take, for drawing.</summary>
    internal Route WholeRoute => RouteOf(string.Join(' ', rows.Where(r => !r.Retired).Select(r => r.Name)));

    internal bool Knows(string step) => rows.Exists(r => r.Name == step);

    /// <summary>The step of that name, however it is capitalised.</summary>
    internal string? StepNamed(string name) => rows.Find(r => r.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.Name;

    internal IEnumerable<string> AllSteps => rows.Select(r => r.Name);

    /// <summary>The commands that do a step and undo it.</summary>
    internal (string Do, string? Undo)? ActionsOf(string step) => rows.Find(r => r.Name == step) is { } row ? (row.Name, row.Undo) : null;

    internal IReadOnlyList<string> StateNamesInOrder =>
        [StateNames.Pending, .. rows.Where(r => !r.PastReturn).Select(r => r.Reaches!), StateNames.Complete, StateNames.Compensating, StateNames.Compensated, StateNames.Failed];

    /// <summary>The steps of a route and, in the table's order, those that it left out.</summary>
    internal IEnumerable<string> Around(IReadOnlyCollection<string> route) =>
        rows.Where(r => !r.Retired || route.Contains(r.Name)).Select(r => r.Name).Concat(route.Where(step => !Knows(step)));

    /// <summary>The rows that a switch or the order decides about.</summary>
    internal IReadOnlyList<string> OptionalSteps => [.. rows.Where(r => r.Condition is not null).Select(r => r.Name)];

    internal Patience Patience => patience;

    /// <summary>From when on an order is slow.</summary>
    internal TimeSpan SlowAfter => times.SlowAfter;

    /// <summary>The switches as they stand now. A change that cannot be read changes nothing, and is reported.</summary>
    internal StepSwitch Switch()
    {
        try
        {
            (switches, unreadable) = (options.CurrentValue, null);
        }
        catch (InvalidOperationException e) when (CheckoutOptions.WhyUnreadable(e) is var why)
        {
            if (why != unreadable)
                log.LogError("The changed section {Section} is not used, because it cannot be read: {Reason}", CheckoutOptions.Section, why);
            unreadable = why;
        }

        return switches.Has;
    }

    internal Route RouteOf(string names) => routes.GetOrAdd(names, text => new Route([.. text.Split(' ').Select(name =>
        rows.Find(r => r.Name == name) is { } row
            ? new RouteStep(row.Name, row.Reaches!, row.Undo, times.TimeOf(row.Name))
            : throw new UnknownStepException(name))]));

    /// <summary>Decides, changes the row, publishes what follows, and returns the log entry: everything but the commit.</summary>
    /// <remarks><paramref name="keep"/> takes what was said into the row; an answer that is ignored keeps nothing.</remarks>
    internal async Task<Decision> ApplyAsync(TState saga, Happening happening, IPublishEndpoint publisher, OutboxSession? session, CancellationToken ct, Action? keep = null, string? actor = null)
    {
        if (happening is Happening.Submitted && saga.Version == 0)
        {
            saga.Trace = SagaTrace.Kept;
            keep?.Invoke();
        }

        // A timer, an operator or a restart moves it: what follows belongs to the order's own trace.
        using var span = SagaTrace.GoOn("go on", ActivityKind.Internal, saga.Trace);
        SagaTrace.Mark(saga.CorrelationId);
        var route = RouteOf(saga.Route);
        var before = saga.ProgressOn(route);
        var now = Kept(time.GetUtcNow());
        var (was, askedAt) = (Transition.Stand.Of(saga), saga.AskedAt);
        var decision = new Decider(route, patience, now).Decide(before, happening);
        saga.Take(decision.After, route, now);
        if (decision.Says == Said.Done)
            keep?.Invoke();
        if (decision.Asks is { } asked)
            await AskAsync(saga, route, asked, publisher, ct).ConfigureAwait(false);
        if (decision.Ends is { } ending)
        {
            var left = decision.After.Steps.Zip(route).Where(s => s.First == StepStatus.Stuck).Select(s => s.Second.Name);
            await EndAsync(saga, ending, [.. left], actor, publisher, ct).ConfigureAwait(false);
        }

        if (decision.Alert is { } alert)
            await AlertAsync(saga, alert, now, publisher, ct).ConfigureAwait(false);
        if (session is not null)
            Record(session, saga, route, before, happening, decision, actor, now).ToTell = new()
            {
                Was = was,
                Is = Transition.Stand.Of(saga),
                Took = decision.Answers(before.Asked) ? now - askedAt : null,
                Ended = decision.Ends is null ? null : (CompensatingState.Word(decision.Ends.Value), now - saga.StartedAt),
                Alert = decision.Alert,
            };
        return decision;
    }

    // No finer than every database keeps it: what is told of a decision at once is what is read of it later.
    private static DateTimeOffset Kept(DateTimeOffset now) => now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));

    private Task<Decision> HandleAsync(BehaviorContext<TState> context, Happening happening, Action? keep = null, string? actor = null)
    {
        context.TryGetPayload<OutboxSession>(out var session);
        return ApplyAsync(context.Saga, happening, context, session, context.CancellationToken, keep, actor);
    }

    private EventActivityBinder<TState, T> Handle<T>(EventActivityBinder<TState, T> when, Func<T, Happening> read, Action<TState, T>? keep = null, Func<T, string?>? actor = null)
        where T : class
        => SetTimer(when.ThenAsync(context => HandleAsync(
            context, read(context.Message), keep is null ? null : () => keep(context.Saga, context.Message), actor?.Invoke(context.Message))));

    // In our own database the row is the timer, and this costs nothing; where MassTransit keeps the saga elsewhere, its scheduler keeps the timer.
    private EventActivityBinder<TState, T> SetTimer<T>(EventActivityBinder<TState, T> binder)
        where T : class
        => binder.IfElse(
            context => context.Saga.Due is not null,
            set => set.Schedule(Timer, context => new TimeUp(context.Saga.CorrelationId, context.Saga.Token), context => context.Saga.Due!.Value.UtcDateTime),
            clear => clear.Unschedule(Timer));

    private void Cell<T>(Func<T, Happening> read, Action<TState, T>? keep = null, Func<T, string?>? actor = null, bool mayOvertake = false)
        where T : class
        => Cell(c => SagaMessage<T>.SagaId(c), read, keep, actor, mayOvertake);

    private void Cell<T>(Func<T, Guid> sagaId, Func<T, Happening> read, Action<TState, T>? keep = null, Func<T, string?>? actor = null, bool mayOvertake = false)
        where T : class
    {
        Belongs(NameOf(typeof(T)));
        cells.Add(states =>
        {
            var heard = Event<T>(NameOf(typeof(T)), e =>
            {
                e.CorrelateById(context => sagaId(context.Message));
                // Nothing is swallowed: what meets no order becomes a fault; what may have overtaken its order is tried again before.
                e.OnMissingInstance(missing => mayOvertake
                    ? missing.Execute(context => throw new NotThereYetException($"No order {sagaId(context.Message)} is there (yet) for {typeof(T).Name}."))
                    : missing.Fault());
            });
            During(states, Handle(When(heard), read, keep, actor));
        });
    }

    // A message belongs to one place of the table, as a command or as an answer. One that stood in two could run in circles.
    private void Belongs(string message)
    {
        if (!messages.Add(message))
            throw new InvalidOperationException($"{message} stands in the table twice: its answer would be taken for another's, and messages could run in circles. Give each place a message of its own.");
    }

    private static string NameOf(Type type) => type.IsGenericType ? $"FaultOf{type.GetGenericArguments()[0].Name}" : type.Name;
}

/// <summary>Asks whether an optional step is switched on; what it is unless the configuration says is the table's word.</summary>
public delegate bool StepSwitch(string step, bool unlessSaid);

/// <summary>The deadline of an order has passed; it acts only for the token that it was set with.</summary>
public sealed record TimeUp(Guid OrderId, int Token);

/// <summary>A live order needs a step that this version does not have.</summary>
public sealed class UnknownStepException(string step) : Exception($"An order's route names the step {step}, which this version does not know: deploy a version that has it, if only as Retired().");
