using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator.Tests.Simulation;

/// <summary>
/// One to three nodes over one stored row. Handling one message is one commit: the row, the message's id, what goes out; it is sent after
/// that, and acknowledged after that. A node may die between any two of these.
/// </summary>
internal sealed class OrchestratorNode(World world)
{
    private const long RestartTime = 5 * World.Second, SweepEvery = World.Minute;
    private readonly Core core = new(world);
    private readonly int[] lives = new int[4];
    private readonly HashSet<long> handled = [];
    private readonly List<Message> outbox = [];
    private int version;
    private long sweepAt = -1;
    private long endings;

    /// <summary>The stored row; none before the order is accepted.</summary>
    public Progress? Row { get; private set; }

    /// <summary>The list of what a person must finish.</summary>
    public List<int> StuckList { get; } = [];

    public string ActionOf(Message command) => world.Weather.Route.ActionOf(new(
        command.Kind switch { Kind.Do => Direction.Do, Kind.Undo => Direction.Undo, _ => Direction.Apology }, command.Step, 0));

    /// <summary>A message from the broker.</summary>
    public void Hear(Message message)
    {
        if (handled.Contains(message.Id))
        {
            world.Say("orchestrator", $"has handled {message}");
            return;
        }

        if (Row is null && message.Kind != Kind.Submit)
        {
            MeetsNoRow(message);
            return;
        }

        Handle(core.Read(message), message, Dies(10), over: null);
    }

    /// <summary>From the API or an operator: at once, and the caller learns how it went. False if the node died, or there is no order.</summary>
    public bool Call(Happening happening, Action<Decision>? over = null)
    {
        if (Row is null && happening is not Happening.Submitted)
            return false;
        var decision = core.Decide(Row, happening);
        PublishEarly(decision);
        if (Dies(10))
        {
            Crash(Pick(), "before its commit");
            return false;
        }

        Commit(decision, happening, message: null, Pick());
        over?.Invoke(decision);
        return !world.Strikes(Troubles.OrchestratorCrashes, 5);
    }

    private void MeetsNoRow(Message message)
    {
        // Tried again with pauses, without a mark in the inbox; at the limit it is a dead letter.
        if (message.Kind == Kind.Cancel && world.IsBroken(Broken.SwallowsEarlyCancel))
        {
            world.Say("orchestrator", $"swallows {message}: no such order");
        }
        else if (message.Kind == Kind.Cancel && message.Deliveries < 10)
        {
            world.Broker.Redeliver(message, (1 << message.Deliveries) * World.Second);
        }
        else
        {
            world.Say("orchestrator", $"dead letter, no such order: {message}");
            world.Promises.CancelSettled(message);
        }
    }

    private void Handle(Happening happening, Message? message, bool dies, Action<Decision>? over)
    {
        var node = Pick();
        if (dies && world.IsBroken(Broken.AcknowledgesBeforeCommit))
        {
            Crash(node, "after it acknowledged, before its commit");
            return;
        }

        var (read, life) = (version, lives[node]);
        var decision = core.Decide(Row, happening);
        PublishEarly(decision);
        if (dies)
        {
            Crash(node, "before its commit");
            Again(message);
            return;
        }

        if (!world.Strikes(Troubles.SlowCommits, 30))
        {
            Commit(decision, happening, message, node);
            over?.Invoke(decision);
            return;
        }

        world.After(world.Dice.Percent(70) ? world.Dice.Roll(50) : world.Dice.Roll(15_000), () =>
        {
            if (life != lives[node])
            {
                Again(message);
            }
            else if (read != version && !world.IsBroken(Broken.ChecksNoVersion))
            {
                world.Say("orchestrator", $"lost the race for {happening}: again");
                if (message is null)
                    Handle(happening, message, dies: false, over);
                else
                    Hear(message);
            }
            else
            {
                Commit(decision, happening, message, node);
                over?.Invoke(decision);
            }
        });
    }

    private void PublishEarly(Decision decision)
    {
        if (world.IsBroken(Broken.PublishesBeforeCommit) && decision.Asks is { } early)
            world.Broker.Send(Message.Ask(early, decision.After.Token));
    }

    private void Commit(Decision decision, Happening happening, Message? message, int node)
    {
        var before = Row;
        Row = decision.After;
        version++;
        if (message is not null)
            handled.Add(message.Id);
        world.Say($"orchestrator {node}", $"{happening} -> {decision.Says} {decision.Detail}; {Row.State} [{Row.Token}] {Marks(Row)}{(decision.Asks is { } next ? $", asks {world.Weather.Route.ActionOf(next)} ({next.Attempt})" : "")}{(decision.Ends is { } end ? $", ends as {end}" : "")}{(decision.Alert is { } alert ? $", ALERT {alert}" : "")}");
        if (decision.Stuck is { } stuck && !StuckList.Contains(stuck.Step))
            StuckList.Add(stuck.Step);
        if (decision.Settled is { } settled)
            StuckList.Remove(settled);
        world.Promises.Decided(before, happening, decision, message);
        if (decision.Asks is { } asked && !world.IsBroken(Broken.PublishesBeforeCommit))
            outbox.Add(Message.Ask(asked, Row.Token));
        if (decision.Ends is { } ending)
            outbox.Add(new Message(Kind.Ended, -1, Row.Token, --endings) { About = ending.ToString() });
        if (before is null || Row.Due != before.Due || Row.Token != before.Token)
            SetTimer(node);
        if (world.IsBroken(Broken.DropsRowAtEnd) && StateNames.IsEnd(Row.State) && Row.Asked is null)
            Row = null;

        if (Dies(4))
        {
            Crash(node, "after its commit, before it sent");
            Again(message);
            return;
        }

        Flush();
        if (Dies(4))
        {
            Crash(node, "after it sent, before it acknowledged");
            Again(message);
        }
    }

    private void Flush()
    {
        if (outbox.Count == 0)
            return;
        foreach (var message in outbox)
            world.Broker.Send(message);
        outbox.Clear();
    }

    private void Again(Message? message)
    {
        if (message is not null && !world.Weather.Forgetful && !world.IsBroken(Broken.AcknowledgesBeforeCommit))
            world.Broker.Redeliver(message, RestartTime);
    }

    private void Crash(int node, string when)
    {
        lives[node]++;
        world.Say($"orchestrator {node}", $"crashes {when}");
        if (world.IsBroken(Broken.ForgetsOutgoingInCrash))
            outbox.Clear();
        if (world.Weather.Forgetful)
            world.Broker.LoseEverything();
        world.After(RestartTime, () =>
        {
            world.Say($"orchestrator {node}", $"starts");
            Flush();
            if (world.Weather.Forgetful && Row is not null)
                Handle(new Happening.Restarted(), null, dies: false, over: null);
        });
    }

    private bool Dies(int chance) => world.Strikes(Troubles.OrchestratorCrashes, chance);

    private int Pick() => 1 + world.Dice.Roll(world.Weather.Nodes);

    // ---- time ----

    private void SetTimer(int node)
    {
        if (Row!.Due is not { } due || world.IsBroken(Broken.NoTimers))
            return;
        var (token, life) = (Row.Token, lives[node]);
        var wait = Math.Max(0, (long)(due - world.At).TotalMilliseconds);
        if (!world.Strikes(Troubles.LostTimers, 25))
            world.After(wait, () => Ring(token, node, life));
        if (world.Strikes(Troubles.OddTimers, 20))
            world.After(world.Dice.Roll((int)wait + 1), () => Ring(token, node, life));
        if (world.Strikes(Troubles.OddTimers, 20))
            world.After(wait + world.Dice.Roll(400_000), () => Ring(token, node, life));
        SetSweep();
    }

    private void Ring(int token, int node, int life)
    {
        // Timers die with the node that keeps them.
        if (life == lives[node] && Row is not null)
            Handle(TimeUp(token), null, Dies(5), over: null);
    }

    // Now and then it could not have heard for a while, or a service that the order waited for before could not have answered.
    private Happening.TimeUp TimeUp(int token)
    {
        DeafTime Outage() => new(world.At - TimeSpan.FromMilliseconds(world.Dice.Roll(900_000)), world.At);
        return new(token) { Deaf = world.Strikes(Troubles.Outages, 30) ? [Outage()] : [], Elsewhere = world.Strikes(Troubles.Outages, 30) ? [Outage()] : [] };
    }

    // Every minute, on nothing but the row. (It is only made when there is something to come.)
    private void SetSweep()
    {
        if (Row?.Due is not { } due || world.IsBroken(Broken.NoSweep))
            return;
        var at = ((Math.Max(world.Now, (due - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond) / SweepEvery) + 1) * SweepEvery;
        if (sweepAt >= 0 && sweepAt <= at)
            return;
        sweepAt = at;
        world.After(at - world.Now, () =>
        {
            if (sweepAt != at)
                return;
            sweepAt = -1;
            if (Row?.Due <= world.At)
                Handle(TimeUp(Row.Token), null, Dies(5), over: null);
            SetSweep();
        });
    }

    private static string Marks(Progress row) => string.Join(' ', row.Steps) + (row.Asked is { Phase: not Phase.Awaiting and var phase } ? $" ({phase})" : "") + (row.PausedAt is null ? "" : " (paused)");
}
