namespace OrderSaga.Orchestrator.Tests.Core;

/// <summary>Breadth first through every state that an order on a short route can come to, whatever happens in whatever order.</summary>
internal sealed class Exploration
{
    private const int MostAttempts = 4; // of what is asked until it answers: from there on only the pauses grow
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly Route route;
    private readonly Patience patience;
    private readonly Promise promise;
    private readonly HashSet<Key> known = [];
    private readonly Queue<Node> open = new();

    public Exploration(Route route, Patience patience)
    {
        (this.route, this.patience) = (route, patience);
        promise = new(route, patience);
    }

    public Route Route => route;

    public Patience Patience => patience;

    /// <summary>One state of each kind, and how it was reached.</summary>
    public List<Node> Nodes { get; } = [];

    public int Decisions { get; private set; }

    /// <summary>The broken rules, each with the shortest way to where it breaks.</summary>
    public Dictionary<string, string> Broken { get; } = [];

    public HashSet<string> Words { get; } = [];

    public void Run(int most)
    {
        Add(new(Progress.New(route), Start, 0, null, null));
        while (Nodes.Count < most && open.TryDequeue(out var node))
        {
            foreach (var (at, happening) in Happenings(node))
            {
                Decisions++;
                var decision = new Decider(route, patience, at).Decide(node.Now, happening);
                Words.Add(decision.Says);
                var list = node.List;
                if (decision.Settled is { } settled)
                    list &= ~(1L << settled);
                if (decision.Stuck is { } stuck)
                    list |= 1L << stuck.Step;
                var next = new Node(decision.After, at, list, node, happening);
                foreach (var rule in promise.Broken(node.Now, at, happening, decision))
                    Broken.TryAdd(rule[..rule.IndexOf(':', StringComparison.Ordinal)], next.Way);
                if (decision.After is { Asked: null, Reason: not null } rest && list != rest.Steps.Select((s, i) => s == StepStatus.Stuck ? 1L << i : 0).Sum())
                    Broken.TryAdd("the list of what a person must finish is not what is stuck", next.Way);
                if (!(decision.After.Asked?.Attempt > MostAttempts))
                    Add(next);
            }
        }
    }

    /// <summary>From everywhere it must end: when all answer from now on, and when nobody does but those who are asked until they answer.</summary>
    public string? Endless(Node from, bool silent)
    {
        var (now, at) = (from.Now, from.At);
        for (var i = 0; i < 200; i++)
        {
            if (now.Asked is not { } asked)
                return StateNames.IsEnd(now.State) || now.State == StateNames.Initial ? null : $"{now.State} waits for nothing: {from.Way}";
            var insists = asked.Direction == Direction.Apology || (asked.Direction == Direction.Do && route[asked.Step].PastReturn);
            Happening next;
            if (now.PausedAt is not null)
                next = new Happening.Resumed();
            else if (asked.Phase == Phase.Awaiting && (insists || !silent))
                next = Promise.AnswerTo(route, asked);
            else if (now.Due is { } due)
                (at, next) = (due > at ? due : at, new Happening.TimeUp(now.Token));
            else
                return $"{now} has no timer: {from.Way}";
            now = new Decider(route, patience, at).Decide(now, next).After;
        }

        return $"{now} does not end: {from.Way}";
    }

    private void Add(Node node)
    {
        if (!known.Add(Key.Of(node)))
            return;
        Nodes.Add(node);
        open.Enqueue(node);
    }

    /// <summary>All that can happen there.</summary>
    public IEnumerable<(DateTimeOffset At, Happening Happening)> Happenings(Node node)
    {
        var (now, at) = (node.Now, node.At + TimeSpan.FromMilliseconds(1));
        foreach (var step in route)
        {
            yield return (at, new Happening.Done(step.Name));
            yield return (at, new Happening.Refused(step.Name, "NO"));
            yield return (at, new Happening.Undone(step.Name));
            yield return (at, new Happening.Undone(step.Name, Nothing: true));
            yield return (at, new Happening.TooLate(step.Name, "GONE"));
            yield return (at, new Happening.Faulted(step.Name, "boom"));
            yield return (at, new Happening.Faulted(step.Undo ?? Route.Apology, "boom"));
            yield return (at, new Happening.StillAtWork(step.Name, at + TimeSpan.FromHours(1)));
            yield return (at, new Happening.Retried(step.Name));
            yield return (at, new Happening.Resolved(step.Name, "by hand"));
        }

        yield return (at, new Happening.Submitted());
        yield return (at, new Happening.Apologised());
        yield return (at, new Happening.Cancelled("CHANGED_MIND"));
        yield return (at, new Happening.Restarted());
        yield return (at, new Happening.Paused());
        yield return (at, new Happening.Resumed());
        yield return (at, new Happening.TimeUp(now.Token)); // too early, or in a pause
        yield return (at + TimeSpan.FromDays(1), new Happening.TimeUp(now.Token - 1));
        yield return (at + TimeSpan.FromDays(1), new Happening.TimeUp(now.Token + 1));
        if (now.Due is { } due)
        {
            yield return (due, new Happening.TimeUp(now.Token));
            yield return (due, new Happening.TimeUp(now.Token) { Deaf = [new(DateTimeOffset.MinValue, due)] }); // nobody could be heard
        }

        yield return (at + TimeSpan.FromDays(1), new Happening.TimeUp(now.Token)); // all deadlines have passed
    }

    /// <summary>A state, when it was reached, the stuck list that goes with it, and how it was reached.</summary>
    internal sealed record Node(Progress Now, DateTimeOffset At, long List, Node? Before, Happening? Happening)
    {
        public string Way => Before is null ? "" : $"{Before.Way}\n  {Happening} -> {Now.State} [{string.Join(' ', Now.Steps)}] {Now.Asked}{(Now.PausedAt is null ? "" : " paused")}";
    }

    // Two states are the same if nothing but the hour and the count of the tokens tells them apart.
    private sealed record Key(
        string State, string Steps, Asked? Asked, bool Deadline, int SagaDeadline, bool Paused, bool Cancel, string? Reason, long Seen, bool Alerted, bool Told, Ending? Ended, long List)
    {
        public static Key Of(Node node)
        {
            var now = node.Now;
            return new(
                now.State, string.Join(' ', now.Steps), now.Asked, now.Deadline is not null, now.SagaDeadline is null ? 0 : now.SagaDeadline < now.Deadline ? 1 : 2,
                now.PausedAt is not null, now.CancelReason is not null, now.Reason is null ? null : "", now.Seen, now.Alerted, now.Told, now.Ended, node.List);
        }
    }
}
