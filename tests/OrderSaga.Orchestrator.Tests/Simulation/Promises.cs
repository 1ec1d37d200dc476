using System.Diagnostics.CodeAnalysis;

namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>Listens to the whole world, and knows at the end whether what was promised (RULES section 1) was kept.</summary>
internal sealed class Promises(World world)
{
    private readonly Route route = world.Weather.Route;
    private readonly List<Ending> endings = [];
    private readonly HashSet<long> endingsSent = [];
    private readonly HashSet<long> openCancels = [];
    private readonly List<int> undoAsks = [];
    private readonly HashSet<string> heard = [];
    private readonly int[] asked = new int[world.Weather.Route.Count + 1];

    // Where a rule is broken on purpose, only what was promised counts as found, not what is odd on the way.
    private readonly bool rulesHold = world.Weather.Broken == Broken.Nothing;
    private Progress? last;
    private bool accepted, cancelTaken, carriedThrough, heardApology, rearmed, disturbed;
    private long doAsks, confirmed;
    private int stuckAlerts, stuckEver;

    /// <summary>What the log said, and how it ended: to see that the histories go everywhere.</summary>
    public IEnumerable<string> Words => heard.Concat(endings.Select(e => e.ToString()));

    public bool IsFailed => last?.State == StateNames.Failed;

    private int Confirmation => route.Count - 1;

    private Participant Customer => world.Participants[route.Count];

    [DoesNotReturn]
    public void Break(string promise, string how)
    {
        world.Say("PROMISE BROKEN", $"{promise}: {how}");
        throw new BrokenPromiseException($"{promise}: {how}");
    }

    public void Accepted() => accepted = true;

    public void CancelSent(Message cancel) => openCancels.Add(cancel.Id);

    public void CancelSettled(Message message) => openCancels.Remove(message.Id);

    /// <summary>A participant is asked.</summary>
    public void Asked(Message ask)
    {
        world.Say("broker", $"delivers {ask}");
        asked[ask.Step]++;
        if (rulesHold && (last is null || ask.Token > last.Token))
            Break("published after the commit", $"{ask} arrives, but the row is at token {last?.Token}");
    }

    public void Sent(Message message)
    {
        if (message.Kind == Kind.Ended)
            endingsSent.Add(message.Id);
    }

    /// <summary>The orchestrator committed.</summary>
    public void Decided(Progress? before, Happening happening, Decision decision, Message? message)
    {
        last = decision.After;
        heard.Add(decision.Says);
        if (heardApology && decision.Asks is { Direction: Direction.Apology })
            Break("one apology", "it is asked for again after it was answered");
        if (rulesHold)
            Invariants.Check(this, route, before ?? Progress.New(route), happening, decision);
        if (message is not null)
            openCancels.Remove(message.Id);
        cancelTaken |= happening is Happening.Cancelled && decision.Says == Said.Cancelled;
        heardApology |= happening is Happening.Apologised && decision.Says == Said.Apologised;
        rearmed |= decision.Says == Said.Rearmed;
        carriedThrough |= decision.Says == Said.TooLate;
        disturbed |= decision.Says is Said.Rearmed or Said.Retried or Said.TooLate;
        if (decision.Ends is { } ending)
            endings.Add(ending);
        if (happening is Happening.Undone { Nothing: false } undo)
            confirmed |= 1L << route.IndexOf(undo.Step);
        if (decision.Stuck is { } stuck)
        {
            confirmed &= ~(1L << stuck.Step);
            stuckEver++;
            stuckAlerts += decision.Alert is null ? 0 : 1;
        }

        if (decision.Asks is { Direction: Direction.Do, Step: var done })
            doAsks |= 1L << done;
        if (decision.Asks is { Direction: Direction.Undo, Step: var undone } && (undoAsks.Count == 0 || undoAsks[^1] != undone))
            undoAsks.Add(undone);
    }

    /// <summary>Faults have stopped, and nothing happens any more.</summary>
    public void CheckRest()
    {
        if (openCancels.Count > 0 && !world.Broker.LostMessages)
            Break("never silent", "a cancel was taken, and is neither decided nor a dead letter");
        if (last is null)
        {
            if (accepted)
                Break("never lost", "the order was accepted, and there is no row");
            if (world.Participants.FirstOrDefault(p => p.Effect != 0) is not null)
                Break("nothing without an order", "something was done for an order that was not accepted");
            return;
        }

        if (!StateNames.IsEnd(last.State) || last.Asked is not null)
            Break("never lost", $"nothing happens any more, and the order is {last.State}, asked {last.Asked?.ToString() ?? "nothing"}");
        if (endingsSent.Count != endings.Count)
            Break("endings are published", $"{endings.Count} were decided, {endingsSent.Count} sent");
        if (stuckEver > 0 && stuckAlerts != 1)
            Break("one alert", $"{stuckEver} undos were stuck, {stuckAlerts} alerts went out");
        if (!world.Node.StuckList.Order().SequenceEqual(Enumerable.Range(0, route.Count).Where(i => last.Steps[i] == StepStatus.Stuck)))
            Break("the stuck list is what is stuck", $"it has {string.Join(' ', world.Node.StuckList)}, the row {string.Join(' ', last.Steps)}");
        if (world.Weather.IsHealthy)
            CheckHealthy();
        if (last.State == StateNames.Complete)
            CheckComplete();
        else
            CheckUndone();
    }

    /// <summary>Operators have finished what was stuck.</summary>
    public void CheckFinished()
    {
        CheckRest();
        if (last!.State != StateNames.Compensated)
            Break("a person can finish it", $"all was retried or resolved, and the order is {last.State}");
    }

    private void CheckHealthy()
    {
        if (last!.State != StateNames.Complete)
            Break("a healthy order completes", $"it is {last.State}");
        for (var i = 0; i < route.Count; i++)
            if (asked[i] != 1)
                Break("a healthy order asks each step once", $"step {i} was asked {asked[i]} times");
    }

    private void CheckComplete()
    {
        for (var i = 0; i < Confirmation; i++)
            Expect(i, effect: 1, dos: 1, undos: 0);
        if (world.Participants[Confirmation].Dos != (last!.Steps[Confirmation] == StepStatus.Refused ? 0 : 1))
            Break("one confirmation", $"{world.Participants[Confirmation].Dos} were sent");
        if (Customer.Dos != 0)
            Break("no apology when complete", $"{Customer.Dos} were sent");
        if (world.Gateway is not { Charges: 1, Refunds: 0 })
            Break("charged once", $"the gateway has {world.Gateway.Charges} charges and {world.Gateway.Refunds} refunds");
        if (!endings.SequenceEqual([Ending.Completed]))
            Break("endings are published once", $"a complete order published {string.Join(' ', endings)}");
        if (cancelTaken && !carriedThrough)
            Break("a cancel that was taken cancels", "the order is complete");
    }

    private void CheckUndone()
    {
        var failed = last!.State == StateNames.Failed;
        for (var i = 0; i < Confirmation; i++)
            if (last.Steps[i] == StepStatus.Stuck && (confirmed & (1L << i)) != 0)
                Break("failed is what is stuck", $"{route[i].Name} is on the list, though its undo was confirmed");
            else if (last.Steps[i] != StepStatus.Stuck)
                Expect(i, effect: 0, dos: world.Participants[i].Undos, undos: Math.Min(1, world.Participants[i].Undos));
        if (world.Participants[Confirmation].Dos != 0)
            Break("no confirmation when undone", $"{world.Participants[Confirmation].Dos} were sent");
        if (Customer.Dos != 1)
            Break("one apology", $"{Customer.Dos} were sent");
        var charged = world.Gateway.Charges - world.Gateway.Refunds;
        if (world.Gateway.Charges > 1 || charged < 0 || (charged > 0 && last.Steps[world.Weather.Payment] != StepStatus.Stuck))
            Break("net charge nothing", $"the gateway has {world.Gateway.Charges} charges and {world.Gateway.Refunds} refunds");
        if (failed != last.Steps.Contains(StepStatus.Stuck))
            Break("failed is what is stuck", $"the order is {last.State}, its steps {string.Join(' ', last.Steps)}");
        var allowed = failed ? endings is [Ending.Failed] || (rearmed && endings is [Ending.Compensated] or [Ending.Failed, Ending.Repaired])
            : endings is [Ending.Compensated] or [Ending.Failed, Ending.Repaired];
        if (!allowed)
            Break("endings are published once", $"an order that is {last.State} published {string.Join(' ', endings)}");
        if (rulesHold && !disturbed)
            CheckMirror();
    }

    // Exactly what was asked for and not refused, in the reverse order.
    private void CheckMirror()
    {
        var expected = Enumerable.Range(0, route.Count).Reverse().Where(i => (doAsks & (1L << i)) != 0 && last!.Steps[i] != StepStatus.Refused);
        if (!expected.SequenceEqual(undoAsks))
            Break("undone in reverse order", $"undone {string.Join(' ', undoAsks)}, expected {string.Join(' ', expected)}");
    }

    private void Expect(int step, int effect, int dos, int undos)
    {
        var participant = world.Participants[step];
        if (participant.Effect != effect || participant.Dos != dos || participant.Undos != undos)
            Break(last!.State == StateNames.Complete ? "all done once" : "nothing is left, nothing undone twice",
                $"the order is {last.State}, and {route[step].Name} has effect {participant.Effect}, done {participant.Dos}, undone {participant.Undos} times");
    }
}
