using System.Text;

namespace OrderSaga.Orchestrator;

/// <summary>The saga drawn from its table: what is printed cannot disagree with what runs.</summary>
public static class Diagram
{
    private static readonly DateTimeOffset At = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const string Introduction = """
        # Every event in every state

        Printed by `ordersaga diagram --cells` from the table and the decision; a test fails when this page differs from it. The columns are orders that
        take every optional step: forward; backwards after a shipment that faulted (so it is in doubt) and was never made; Failed with every undo stuck.

        → forward · ← the mirror begins · ↶ the mirror goes on · ■ comes to rest · ↻ will be asked for again · ◌ is kept and changes nothing else ·
        ⚑ somebody is alerted · ✗ is denied · \- is ignored on purpose (answered already, or not asked for)


        """;

    private static OrderStateMachine Machine { get; } = OrchestratorRoom.Unhosted(new CheckoutOptions());

    /// <summary>The states and what leads from one to the next, for Mermaid.</summary>
    public static string Mermaid()
    {
        var route = Machine.WholeRoute;
        var text = new StringBuilder("stateDiagram-v2\n    [*] --> Pending: SubmitOrder\n");
        var state = StateNames.Pending;
        foreach (var step in route)
        {
            var optional = Machine.OptionalSteps.Contains(step.Name) ? " (optional)" : "";
            if (step.PastReturn)
            {
                text.Append($"    {state} --> {StateNames.Complete}: {step.Name}\n");
                continue;
            }

            text.Append($"    {state} --> {step.Reaches}: {step.Name}{optional}\n");
            text.Append($"    {state} --> {StateNames.Compensating}: {step.Name} refused, silent or faulted, or cancelled\n");
            state = step.Reaches;
        }

        var undos = string.Join(", ", route.Where(s => !s.PastReturn).Reverse().Select(s => s.Undo));
        text.Append($"    {StateNames.Compensating} --> {StateNames.Compensated}: {undos}, {Route.Apology}\n");
        text.Append($"    {StateNames.Compensating} --> {StateNames.Failed}: the same, with an undo stuck\n");
        text.Append($"    {StateNames.Failed} --> {StateNames.Compensated}: retried, or resolved by a person\n");
        text.Append($"    {StateNames.Complete} --> [*]\n    {StateNames.Compensated} --> [*]\n");
        return text.ToString();
    }

    /// <summary>What is decided for every event in every state, as Markdown.</summary>
    public static string Cells()
    {
        var route = Machine.WholeRoute;
        var states = Standings(route).ToList();
        var text = new StringBuilder(Introduction).Append("| heard | ").AppendJoin(" | ", states.Select(s => s.Name)).Append(" |\n|---|").Append(string.Concat(Enumerable.Repeat(":-:|", states.Count))).Append('\n');
        foreach (var (name, happening) in Events(route))
            text.Append($"| {name} | ").AppendJoin(" | ", states.Select(s => Cell(route, s.Standing, happening(s.Standing)))).Append(" |\n");
        return text.ToString();
    }

    // One order per state: forward with everything agreed; backwards from a shipment that faulted, with nothing there to undo; the apology
    // that ends it; Compensated; Failed with every undo stuck.
    private static IEnumerable<(string Name, Progress Standing)> Standings(Route route)
    {
        var now = Decide(route, Progress.New(route), new Happening.Submitted()).After;
        yield return (now.State, now);
        var undoable = route.Count(s => !s.PastReturn);
        var back = now;
        for (var i = 0; i < route.Count; i++)
        {
            if (i == undoable - 1)
                back = Decide(route, now, new Happening.Faulted(route[i].Name, "broken")).After;
            now = Decide(route, now, new Happening.Done(route[i].Name)).After;
            yield return (now.State, now);
        }

        yield return (back.State, back);
        var (undone, stuck) = (back, back);
        for (var i = undoable - 1; i >= 0; i--)
        {
            undone = Decide(route, undone, new Happening.Undone(route[i].Name, Nothing: i == undoable - 1)).After;
            while (stuck.IsAsked(Direction.Undo, i))
                stuck = new Decider(route, Machine.Patience, stuck.Due!.Value).Decide(stuck, new Happening.TimeUp(stuck.Token)).After;
        }

        yield return ($"{undone.State}, apology asked", undone);
        undone = Decide(route, undone, new Happening.Apologised()).After;
        yield return (undone.State, undone);
        stuck = Decide(route, stuck, new Happening.Apologised()).After;
        yield return (stuck.State, stuck);
    }

    private static IEnumerable<(string Name, Func<Progress, Happening> Happening)> Events(Route route)
    {
        foreach (var step in route)
        {
            yield return ($"**{step.Name}** done", _ => new Happening.Done(step.Name));
            yield return ("refused", _ => new Happening.Refused(step.Name, "NO"));
            yield return ("faulted", _ => new Happening.Faulted(step.Name, "broken"));
            yield return ("still at work", now => new Happening.StillAtWork(step.Name, At.AddHours(1)));
            if (step.Undo is null)
                continue;
            yield return ($"**{step.Undo}** confirmed", _ => new Happening.Undone(step.Name));
            yield return ("nothing to undo", _ => new Happening.Undone(step.Name, Nothing: true));
            yield return ("too late", _ => new Happening.TooLate(step.Name, "GONE"));
            yield return ("faulted", _ => new Happening.Faulted(step.Undo, "broken"));
            yield return ("retried", _ => new Happening.Retried(step.Name));
            yield return ("resolved", _ => new Happening.Resolved(step.Name, "by hand"));
        }

        yield return ($"**{Route.Apology}** done", _ => new Happening.Apologised());
        yield return ("faulted", _ => new Happening.Faulted(Route.Apology, "broken"));
        yield return ("**time** is up", now => new Happening.TimeUp(now.Token));
        yield return ("it is, but nobody could be heard", now => new Happening.TimeUp(now.Token) { Deaf = [new(DateTimeOffset.MinValue, now.Due ?? At)] });
        yield return ("an old timer", now => new Happening.TimeUp(now.Token - 1));
        yield return ("**SubmitOrder** again", _ => new Happening.Submitted());
        yield return ("**CancelCheckout**", _ => new Happening.Cancelled("CANCELLED"));
        yield return ("**PauseCheckout**", _ => new Happening.Paused());
        yield return ("**ResumeCheckout**", _ => new Happening.Resumed());
        yield return ("**restart**", _ => new Happening.Restarted());
    }

    private static string Cell(Route route, Progress now, Happening happening)
    {
        // A timer is heard when it is due; everything else while nothing is.
        var decision = new Decider(route, Machine.Patience, happening is Happening.TimeUp && now.Due is { } due ? due : At).Decide(now, happening);
        return Symbol(now, decision) + (decision.Alert is null ? "" : "⚑");
    }

    private static string Symbol(Progress now, Decision decision) => decision switch
    {
        { Says: Said.Ignored } => "\\-",
        { Denied: true } => "✗",
        _ when decision.Ends is not null || (now.Asked is not null && decision.After.Asked is null) => "■",
        _ when now.State != StateNames.Compensating && decision.After.State == StateNames.Compensating => "←",
        { Says: Said.AskedAgain or Said.Unheard } or { After.Asked.Phase: Phase.Pausing } => "↻",
        { Asks.Direction: Direction.Undo or Direction.Apology } => "↶",
        { Asks.Direction: Direction.Do } => "→",
        _ => "◌",
    };

    private static Decision Decide(Route route, Progress now, Happening happening) => new Decider(route, Machine.Patience, At).Decide(now, happening);
}
