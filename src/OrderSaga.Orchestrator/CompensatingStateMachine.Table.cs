using System.Linq.Expressions;

namespace OrderSaga.Orchestrator;

// The words in which a table is written.
public abstract partial class CompensatingStateMachine<TState>
{
    /// <summary>A row: what is asked.</summary>
    protected StepRow<TDo> Do<TDo>(Func<TState, TDo> ask)
        where TDo : class
    {
        var row = new Row(typeof(TDo).Name);
        rows.Add(row);
        commands.Add(row.Name, ask);
        return new(this, row);
    }

    /// <summary>What the customer is told at the end of a mirror.</summary>
    protected ApologyRow Apologise<TAsk>(Func<TState, TAsk> ask)
        where TAsk : class
    {
        commands.Add(Route.Apology, ask);
        return new(this);
    }

    /// <summary>What is published, once, when an order comes to rest.</summary>
    protected void Ends(Func<TState, object> completed, Func<TState, object> compensated)
    {
        endings[Ending.Completed] = completed;
        endings[Ending.Compensated] = compensated;
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
    }

    /// <summary>The words of a row, in the order in which they are said.</summary>
    protected readonly struct StepRow<TDo>
        where TDo : class
    {
        private readonly CompensatingStateMachine<TState> machine;
        private readonly Row row;

        internal StepRow(CompensatingStateMachine<TState> machine, object row) => (this.machine, this.row) = (machine, (Row)row);

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
            machine.commands.Add(row.Undo, ask);
            return this;
        }

        /// <summary>The answer that it is undone.</summary>
        public StepRow<TDo> Confirmed<TUndone>()
            where TUndone : class
        {
            var step = row.Name;
            machine.Cell<TUndone>(_ => new Happening.Undone(step));
            return this;
        }

        /// <summary>It cannot be undone, and nothing after it is: asked for until it is answered.</summary>
        public StepRow<TDo> PastReturn()
        {
            row.PastReturn = true;
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
