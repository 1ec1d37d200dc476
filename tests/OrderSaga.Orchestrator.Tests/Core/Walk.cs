using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>Takes one order through its saga by what happens to it, and remembers what followed. Whatever happens, the rules of every step (<see cref="Promise"/>) are held against it.</summary>
internal sealed class Walk
{
    private readonly Route route;
    private readonly Patience patience;
    private readonly Promise promise;

    public Walk(Route? route = null, Patience? patience = null)
    {
        (this.route, this.patience) = (route ?? Table.Whole, patience ?? Table.Patience);
        promise = new(this.route, this.patience);
        Now = Progress.New(this.route);
        Hear(new Happening.Submitted());
    }

    public Progress Now { get; private set; }

    public DateTimeOffset At { get; private set; } = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>What followed from what happened last.</summary>
    public Decision Last { get; private set; } = null!;

    /// <summary>The commands, in their order.</summary>
    public List<string> Asked { get; } = [];

    /// <summary>The words of the log.</summary>
    public List<string> Log { get; } = [];

    /// <summary>The states that were passed through.</summary>
    public List<string> States { get; } = [];

    public List<Ending> Endings { get; } = [];

    public List<string> Alerts { get; } = [];

    /// <summary>The list of what a person must finish.</summary>
    public List<(string Step, string Error, int Attempts)> StuckList { get; } = [];

    /// <summary>The command that is under way.</summary>
    public string? Action => Now.Asked is { } asked ? route.ActionOf(asked) : null;

    /// <summary>How long until the next timer.</summary>
    public TimeSpan? UntilDue => Now.Due - At;

    /// <summary>An order of which this command was just asked, after all before it was done.</summary>
    public static Walk Until(string action, Route? route = null, Patience? patience = null) => new Walk(route, patience).To(action);

    /// <summary>The order's names for what it asks on its way to this step, the step included.</summary>
    public IEnumerable<string> Forth(string step) => route.Take(route.IndexOf(step) + 1).Select(r => r.Name);

    /// <summary>What is asked after this step.</summary>
    public IEnumerable<string> After(string step) => route.Skip(route.IndexOf(step) + 1).Select(r => r.Name);

    /// <summary>The mirror from this step, which is undone too, and the apology.</summary>
    public IEnumerable<string> Back(string step) => [route[route.IndexOf(step)].Undo!, .. BackBefore(step)];

    /// <summary>The mirror of all before this step, and the apology.</summary>
    public IEnumerable<string> BackBefore(string step) => [.. route.Take(route.IndexOf(step)).Reverse().Select(r => r.Undo!), Route.Apology];

    /// <summary>The states on the way to the step's ask.</summary>
    public IEnumerable<string> StatesUntil(string step) => route.Take(route.IndexOf(step)).Where(r => !r.PastReturn).Select(r => r.Reaches).Prepend(StateNames.Pending);

    /// <summary>The log of an order until this step is asked: submitted, and one done for each step before it.</summary>
    public IEnumerable<string> LogUntil(string step) => Enumerable.Repeat(Said.Done, route.IndexOf(step)).Prepend(Said.Submitted);

    /// <summary>How many undos follow on that of the step, in a mirror in which all are confirmed.</summary>
    public IEnumerable<string> UndoneBefore(string step) => Enumerable.Repeat(Said.Undone, route.IndexOf(step));

    public StepStatus Mark(string step) => Now.Steps[route.IndexOf(step)];

    public Walk Hear(Happening happening)
    {
        var before = Now;
        Last = new Decider(route, patience, At).Decide(before, happening);
        var broken = promise.Broken(before, At, happening, Last);
        Assert.True(broken.Count == 0, string.Join('\n', broken));
        Now = Last.After;
        Log.Add(Last.Says);
        if (States.LastOrDefault() != Now.State)
            States.Add(Now.State);
        if (Last.Asks is { } ask)
            Asked.Add(route.ActionOf(ask));
        if (Last.Ends is { } ending)
            Endings.Add(ending);
        if (Last.Alert is { } alert)
            Alerts.Add(alert);
        if (Last.Settled is { } settled)
            StuckList.RemoveAll(s => s.Step == route[settled].Name);
        if (Last.Stuck is { } stuck)
            StuckList.Add((route[stuck.Step].Name, stuck.Error, stuck.Attempts));
        return this;
    }

    public Walk Done(string step) => Hear(new Happening.Done(step));

    public Walk Undone(string step, bool nothing = false) => Hear(new Happening.Undone(step, nothing));

    public Walk Cancel(string reason = "CHANGED_MIND") => Hear(new Happening.Cancelled(reason));

    /// <summary>What is under way is refused.</summary>
    public Walk Refuse(string reason = "NO") => Hear(new Happening.Refused(Action!, reason));

    /// <summary>What is under way cannot be handled.</summary>
    public Walk Fault(string error = "boom") => Hear(new Happening.Faulted(Action!, error));

    /// <summary>What is under way gets its good answer.</summary>
    public Walk Answer() => Hear(Promise.AnswerTo(route, Now.Asked!.Value));

    /// <summary>Nothing happens until the next timer, which comes when it is due.</summary>
    public Walk Wait(params DeafTime[] deaf)
    {
        At = Now.Due!.Value;
        return Hear(new Happening.TimeUp(Now.Token) { Deaf = [.. deaf] });
    }

    /// <summary>Time passes, and no timer comes.</summary>
    public Walk Pass(TimeSpan time)
    {
        At += time;
        return this;
    }

    public Walk Times(int times, Func<Walk, Walk> what)
    {
        for (var i = 0; i < times; i++)
            what(this);
        return this;
    }

    /// <summary>All is answered well until this command is asked.</summary>
    public Walk To(string action)
    {
        while (Action != action)
            Step();
        return this;
    }

    /// <summary>All is answered well until nothing is asked any more.</summary>
    public Walk ToTheEnd()
    {
        while (Now.Asked is not null)
            Step();
        return this;
    }

    /// <summary>The undo that is under way fails at each of its tries.</summary>
    public Walk GetStuck(string error = "boom") => Fault(error).Times(patience.UndoPauses.Count, w => w.Wait().Fault(error));

    private void Step()
    {
        if (Now.Asked is null || Log.Count > 1000)
            throw new InvalidOperationException($"The order does not get there. Asked: {string.Join(' ', Asked)}");
        _ = Now.Asked.Value.Phase == Phase.Awaiting ? Answer() : Wait();
    }
}
