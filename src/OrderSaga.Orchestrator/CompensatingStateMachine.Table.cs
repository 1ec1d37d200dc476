using System.Linq.Expressions;
using MassTransit;
using OrderSaga.Messaging;

namespace OrderSaga.Orchestrator;

// The words in which a table is written.
public abstract partial class CompensatingStateMachine<TState>
{
    private const int MostRows = 62; // a bit per row is kept in a long

    /// <summary>A row: what is asked.</summary>
    protected StepRow<TDo> Do<TDo>(Func<TState, TDo> ask)
        where TDo : class
    {
        var row = new Row(typeof(TDo).Name);
        rows.Add(row);
        Command(row.Name, ask);
        return new(this, row);
    }

    /// <summary>What the customer is told at the end of a mirror.</summary>
    protected ApologyRow Apologise<TAsk>(Func<TState, TAsk> ask)
        where TAsk : class
    {
        if (typeof(TAsk).Name != Route.Apology)
            throw new InvalidOperationException($"The apology is called {Route.Apology}, not {typeof(TAsk).Name}: rows store it by that name.");
        Command(Route.Apology, ask);
        return new(this);
    }

    /// <summary>What is published, once, when an order comes to rest.</summary>
    protected void Ends(
        Func<TState, object> completed,
        Func<TState, object> compensated,
        Func<TState, IReadOnlyList<string>, object> failed,
        Func<TState, string, object> repaired)
        => endings = (saga, ending, left, actor) => ending switch
        {
            Ending.Completed => completed(saga),
            Ending.Compensated => compensated(saga),
            Ending.Failed => failed(saga, left),
            _ => repaired(saga, actor),
        };

    /// <summary>What is published when a person should look at an order.</summary>
    protected void Alerts(Func<TState, string, DateTimeOffset, object> needsAttention) => alerts = needsAttention;

    // Each command that is sent may come back as a fault.
    private void Command<T>(string name, Func<TState, T> ask)
        where T : class
    {
        Belongs(name);
        commands.Add(name, ask);
        Cell<Fault<T>>(fault => SagaMessage<T>.SagaId(fault.Message), fault => new Happening.Faulted(name, fault.Exceptions is [var first, ..] ? first.Message : "no reason given"));
    }

    private void CheckTable()
    {
        if (rows.Count > MostRows)
            throw new InvalidOperationException($"The table has {rows.Count} rows; {MostRows} is the most.");
        if (!commands.ContainsKey(Route.Apology) || endings is null || alerts is null)
            throw new InvalidOperationException("The table is unfinished: say what it Apologises with, how it Ends and what it Alerts by.");
        var past = false;
        foreach (var row in rows)
        {
            if (row.Reaches is null || (row.Undo is null && !row.PastReturn))
                throw new InvalidOperationException($"The step {row.Name} is unfinished: say what it Reaches, and UndoneBy what, or that it is PastReturn.");
            if (past && !row.PastReturn)
                throw new InvalidOperationException($"The step {row.Name} can be undone, but stands after one that cannot.");
            past = row.PastReturn;
        }
    }

    // Refusals say why by convention: a contract is a plain record and implements nothing.
    private static Func<TMessage, TValue> Reader<TMessage, TValue>(string property)
    {
        if (typeof(TMessage).GetProperty(property)?.PropertyType != typeof(TValue))
            throw new InvalidOperationException($"{typeof(TMessage).Name} needs a property {property} of type {typeof(TValue).Name}.");
        var message = Expression.Parameter(typeof(TMessage));
        return Expression.Lambda<Func<TMessage, TValue>>(Expression.Property(message, property), message).Compile();
    }

    private sealed class Row(string name)
    {
        public string Name { get; } = name;

        public string? Reaches { get; set; }

        public string? Undo { get; set; }

        public bool PastReturn { get; set; }

        public bool Retired { get; set; }

        public Func<TState, StepSwitch, bool>? Condition { get; set; }
    }

    /// <summary>The words of a row, in the order in which they are said.</summary>
    protected readonly struct StepRow<TDo>
        where TDo : class
    {
        private readonly CompensatingStateMachine<TState> machine;
        private readonly Row row;

        internal StepRow(CompensatingStateMachine<TState> machine, object row) => (this.machine, this.row) = (machine, (Row)row);

        /// <summary>The row is optional: whether an order takes it is decided when the order starts.</summary>
        public StepRow<TDo> If(Func<TState, StepSwitch, bool> condition)
        {
            row.Condition = condition;
            return this;
        }

        /// <summary>The answer that it is done, which names the state; <paramref name="keep"/> keeps what it returned.</summary>
        public StepRow<TDo> Reaches<TDone>(Action<TState, TDone>? keep = null)
            where TDone : class
        {
            var step = row.Name;
            row.Reaches = typeof(TDone).Name;
            machine.Cell<TDone>(_ => new Happening.Done(step), keep);
            return this;
        }

        /// <summary>The answer that it will not be done.</summary>
        public StepRow<TDo> OrRefused<TRefused>()
            where TRefused : class
        {
            var step = row.Name;
            var reason = Reader<TRefused, string>("Reason");
            var detail = Reader<TRefused, string?>("Detail");
            machine.Cell<TRefused>(m => new Happening.Refused(step, reason(m), detail(m)));
            return this;
        }

        /// <summary>The command that undoes it.</summary>
        public StepRow<TDo> UndoneBy<TUndo>(Func<TState, TUndo> ask)
            where TUndo : class
        {
            row.Undo = typeof(TUndo).Name;
            machine.Command(row.Undo, ask);
            return this;
        }

        /// <summary>The answer that it is undone.</summary>
        public StepRow<TDo> Confirmed<TUndone>()
            where TUndone : class
        {
            var step = row.Name;
            var nothing = Reader<TUndone, bool>("NothingToUndo");
            machine.Cell<TUndone>(m => new Happening.Undone(step, nothing(m)));
            return this;
        }

        /// <summary>The answer that it cannot be undone any more.</summary>
        public StepRow<TDo> OrTooLate<TTooLate>()
            where TTooLate : class
        {
            var step = row.Name;
            var reason = Reader<TTooLate, string>("Reason");
            machine.Cell<TTooLate>(m => new Happening.TooLate(step, reason(m)));
            return this;
        }

        /// <summary>It cannot be undone, and nothing after it is: asked for until it is answered.</summary>
        public StepRow<TDo> PastReturn()
        {
            row.PastReturn = true;
            return this;
        }

        /// <summary>New orders do not take it any more; those that have it on their route still do.</summary>
        public StepRow<TDo> Retired()
        {
            row.Retired = true;
            return this;
        }
    }

    /// <summary>The words of the apology.</summary>
    protected readonly struct ApologyRow
    {
        private readonly CompensatingStateMachine<TState> machine;

        internal ApologyRow(CompensatingStateMachine<TState> machine) => this.machine = machine;

        /// <summary>The answer that the customer is told.</summary>
        public void Answered<TSent>()
            where TSent : class
            => machine.Cell<TSent>(_ => new Happening.Apologised());
    }
}
