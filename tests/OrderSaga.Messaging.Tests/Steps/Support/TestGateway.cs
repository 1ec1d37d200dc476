namespace OrderSaga.Messaging.Tests.Steps.Support;

/// <summary>What the gateway does at one call.</summary>
public enum Habit
{
    Answers,

    /// <summary>It declines, and does not remember that it did.</summary>
    Declines,

    /// <summary>An error; nothing was done.</summary>
    FailsBefore,

    /// <summary>It is away: the call does not go out.</summary>
    IsAway,

    /// <summary>An error; and yet it was done.</summary>
    FailsAfter,

    /// <summary>The caller's process stops for as long as the test wants, just before the call goes out.</summary>
    StandsStill,

    /// <summary>The same, and then the call fails.</summary>
    StandsStillAndFails,

    /// <summary>Not a call, but the next look into the ledger takes as long as the test wants.</summary>
    LooksLong,

    /// <summary>No answer, and nothing done; until the test lets it land.</summary>
    IsLost,

    /// <summary>No answer, but it was done.</summary>
    IsLostAfter,
}

/// <summary>What was charged under a key; without a reference it was declined.</summary>
internal sealed record Charge(string? Reference, int Cents);

/// <summary>The payment provider: it outlives every node, it knows a call again by its key, and it has a ledger of its own.</summary>
internal sealed class TestGateway(Signal signal)
{
    /// <summary>More than that is declined.</summary>
    public const int Limit = 1000;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Charge> charges = [];
    private readonly Dictionary<string, string> refunds = [];
    private readonly Dictionary<Guid, Queue<Habit>> habits = [];
    private readonly Dictionary<Guid, List<TaskCompletionSource>> stopped = [];
    private readonly Dictionary<Guid, List<Task>> waiting = [];
    private readonly Dictionary<Guid, List<Action>> lost = [];
    private readonly Dictionary<Guid, List<string>> calls = [];

    /// <summary>The ledger cannot be read.</summary>
    public bool IsLookUpAway { get; set; }

    /// <summary>What it does at the next calls for an order, charges and refunds alike; then it answers again.</summary>
    public void Does(Guid orderId, params Habit[] next)
    {
        lock (gate)
            foreach (var habit in next)
                Of(habits, orderId).Enqueue(habit);
    }

    public void Behaves()
    {
        lock (gate)
            habits.Clear();
    }

    public Task<Charge> ChargeAsync(Guid orderId, int cents, string key, CancellationToken ct) => CallAsync(orderId, $"charge {key}", new Charge(null, cents), () =>
    {
        if (!charges.TryGetValue(key, out var charge))
            charges[key] = charge = new(cents > Limit ? null : $"ch_{charges.Count}", cents);
        return charge.Cents == cents ? charge : throw new InvalidOperationException($"{key} was used for {charge.Cents}, not for {cents}.");
    }, ct);

    public Task RefundAsync(Guid orderId, string reference, string key, CancellationToken ct) => CallAsync(orderId, $"refund {key}", false, () =>
    {
        if (!charges.Values.Any(c => c.Reference == reference))
            throw new InvalidOperationException($"{reference} was never charged.");
        if (!refunds.TryAdd(key, reference) && refunds[key] != reference)
            throw new InvalidOperationException($"{key} was used for {refunds[key]}, not for {reference}.");
        return true;
    }, ct);

    public async Task<Charge?> FindAsync(Guid orderId, string key, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        Charge? found;
        Task? still = null;
        lock (gate)
        {
            Of(calls, orderId).Add("find");
            found = charges.GetValueOrDefault(key);
            if (Of(habits, orderId).TryPeek(out var habit) && habit == Habit.LooksLong && Of(habits, orderId).TryDequeue(out _))
                still = StandStill(orderId);
        }

        signal.Changed();
        if (still is not null)
            await still;
        return IsLookUpAway ? throw new IOException("The ledger is away.") : found;
    }

    /// <summary>Charges less refunds.</summary>
    public int Net(Guid orderId)
    {
        lock (gate)
        {
            var taken = charges.Where(c => c.Key == SagaHeaders.KeyOf(orderId, nameof(TakeMoney)) && c.Value.Reference is not null).Select(c => c.Value.Reference).ToList();
            return taken.Count - refunds.Values.Count(taken.Contains);
        }
    }

    /// <summary>Whether it did this, whatever came of its answer.</summary>
    public bool HasDone(Guid orderId, Type command)
    {
        lock (gate)
            return charges.ContainsKey(SagaHeaders.KeyOf(orderId, command.Name)) || refunds.ContainsKey(SagaHeaders.KeyOf(orderId, command.Name));
    }

    /// <summary>What it was asked for an order, in short.</summary>
    public string Asked(Guid orderId)
    {
        lock (gate)
            return string.Join(' ', Of(calls, orderId).Select(c => c.Split(' ')[0]));
    }

    public Task UntilAskedAsync(Guid orderId, string calls) => signal.UntilAsync(() => Asked(orderId) == calls, $"the gateway is asked '{calls}' (it was '{Asked(orderId)}')");

    public IReadOnlyList<string> Keys(Guid orderId)
    {
        lock (gate)
            return [.. Of(calls, orderId).Where(c => c.Contains(' ', StringComparison.Ordinal)).Select(c => c.Split(' ')[1]).Distinct()];
    }

    public bool IsStandingStill(Guid orderId)
    {
        lock (gate)
            return Of(stopped, orderId).Count > 0;
    }

    /// <summary>Somebody waits for an answer that does not come by itself.</summary>
    public bool KeepsWaiting(Guid orderId)
    {
        lock (gate)
            return Of(waiting, orderId).Exists(w => !w.IsCompleted);
    }

    /// <summary>Processes that stood still go on.</summary>
    public void GoOn(Guid? orderId = null)
    {
        List<TaskCompletionSource> gates;
        lock (gate)
        {
            var those = stopped.Where(s => orderId is null || s.Key == orderId).Select(s => s.Value).ToList();
            gates = [.. those.SelectMany(s => s)];
            those.ForEach(s => s.Clear());
        }

        gates.ForEach(g => g.TrySetResult());
    }

    /// <summary>What was lost on its way arrives.</summary>
    public void Lands(Guid orderId)
    {
        lock (gate)
        {
            Of(lost, orderId).ForEach(land => land());
            Of(lost, orderId).Clear();
        }
    }

    private async Task<T> CallAsync<T>(Guid orderId, string call, T declined, Func<T> effect, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        Habit habit;
        Task? still = null;
        lock (gate)
        {
            Of(habits, orderId).TryDequeue(out habit);
            Of(calls, orderId).Add(call);
            if (habit is Habit.StandsStill or Habit.StandsStillAndFails)
                still = StandStill(orderId);
            if (habit == Habit.IsLost)
                Of(lost, orderId).Add(() => effect());
        }

        signal.Changed();
        if (still is not null)
            await WaitAsync(orderId, still);
        if (habit == Habit.IsAway)
            throw new OutageException("The gateway is away.");
        if (habit is Habit.FailsBefore or Habit.StandsStillAndFails)
            throw new IOException("The gateway has an error.");
        if (habit == Habit.IsLost)
            await WaitAsync(orderId, Task.Delay(Timeout.Infinite, ct));
        if (habit == Habit.Declines)
            return declined;
        T result;
        lock (gate)
            result = effect();
        signal.Changed();
        if (habit == Habit.FailsAfter)
            throw new IOException("The gateway's answer was lost.");
        if (habit == Habit.IsLostAfter)
            await WaitAsync(orderId, Task.Delay(Timeout.Infinite, ct));
        return result;
    }

    private Task StandStill(Guid orderId)
    {
        var still = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Of(stopped, orderId).Add(still);
        return still.Task;
    }

    private async Task WaitAsync(Guid orderId, Task until)
    {
        lock (gate)
            Of(waiting, orderId).Add(until);
        signal.Changed();
        await until;
    }

    private static T Of<T>(Dictionary<Guid, T> all, Guid orderId)
        where T : new()
        => all.TryGetValue(orderId, out var own) ? own : all[orderId] = new();
}
