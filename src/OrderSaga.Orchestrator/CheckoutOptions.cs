namespace OrderSaga.Orchestrator;

/// <summary>The section <c>Checkout</c> of the configuration. Times are read at the start; the switches of steps whenever an order starts.</summary>
public sealed class CheckoutOptions
{
    public const string Section = "Checkout";
    private static readonly TimeSpan LongestRetention = TimeSpan.FromDays(36500);

    /// <summary>How long a step may take, all its asks together.</summary>
    public TimeSpan StepTime { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>The same for single steps, by name.</summary>
    public Dictionary<string, TimeSpan> StepTimes { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>How often a step is asked for within its time.</summary>
    public int Asks { get; set; } = 3;

    /// <summary>How long an undo may take before its silence counts. Longer than a participant's own retries take.</summary>
    public TimeSpan UndoTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The pauses before an undo is tried again; after the last one it is stuck.</summary>
    public TimeSpan[] UndoPauses { get; set; } = [];

    /// <summary>How long a whole order may take; what long-running steps take beyond their time does not count.</summary>
    public TimeSpan SagaTime { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>From when on an order that has not come to rest is slow: somebody hears of it, and nothing else happens to the order.</summary>
    public TimeSpan SlowAfter { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Where the pauses of what is asked until it answers stop growing.</summary>
    public TimeSpan LongestPause { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long an order that came to rest stays among those under way, before it is archived.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How long it is known at all, with its log.</summary>
    public TimeSpan LogRetention { get; set; } = TimeSpan.FromDays(90);

    /// <summary>Switches of the optional steps, by name.</summary>
    public Dictionary<string, bool> Steps { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The pauses, or 2, 4, 8, 16 and 32 s. (A default in the property would be added to by the configuration, not replaced.)</summary>
    internal IReadOnlyList<TimeSpan> Pauses => UndoPauses.Length > 0 ? UndoPauses : [.. Enumerable.Range(1, 5).Select(n => TimeSpan.FromSeconds(1 << n))];

    internal Patience Patience => new(Asks, UndoTime, Pauses, SagaTime, LongestPause);

    internal TimeSpan TimeOf(string step) => StepTimes.GetValueOrDefault(step, StepTime);

    internal bool Has(string step, bool unlessSaid = true) => Steps.GetValueOrDefault(step, unlessSaid);

    /// <summary>The binder names the key in the inner exception.</summary>
    internal static string WhyUnreadable(InvalidOperationException e) => e.InnerException?.Message ?? e.Message;

    /// <summary>What is wrong: the key, its value and what it should be.</summary>
    public IEnumerable<(string Key, string? Value, string Remedy)> Check(IReadOnlyCollection<string> steps, IReadOnlyCollection<string> optional)
    {
        if (Asks is < 1 or > 100)
            yield return (nameof(Asks), $"{Asks}", "a step is asked for 1 to 100 times.");
        foreach (var (key, time) in StepTimes.Select(t => ($"{nameof(StepTimes)}:{t.Key}", t.Value)).Prepend((nameof(StepTime), StepTime)))
            if (time < TimeSpan.FromSeconds(1))
                yield return (key, $"{time}", "a step has at least 00:00:01.");
        if (UndoTime <= Messaging.ReliableMessaging.LongestRetry)
            yield return (nameof(UndoTime), $"{UndoTime}", $"it must exceed {Messaging.ReliableMessaging.LongestRetry}, for so long a participant may be retrying, and it would be taken for silent.");
        if (SagaTime < StepTime)
            yield return (nameof(SagaTime), $"{SagaTime}", $"a whole order cannot have less time than one step ({StepTime}).");
        if (Pauses.Any(p => p <= TimeSpan.Zero) || LongestPause <= TimeSpan.Zero)
            yield return (nameof(UndoPauses), string.Join(", ", Pauses), "pauses are longer than nothing.");
        if (SlowAfter <= TimeSpan.Zero)
            yield return (nameof(SlowAfter), $"{SlowAfter}", "an order is slow after more than nothing, such as 00:00:30.");
        if (Retention < TimeSpan.FromHours(1) || Retention > LongestRetention)
            yield return (nameof(Retention), $"{Retention}", $"an order stays at least 01:00:00 after its end, for so long duplicates are common, and at most {LongestRetention}. A day is 1.00:00:00.");
        if (LogRetention < Retention + TimeSpan.FromDays(1) || LogRetention > LongestRetention)
            yield return (nameof(LogRetention), $"{LogRetention}", $"it is at least a day longer than {nameof(Retention)} ({Retention}), for what is forgotten is not known again when an answer comes late, and at most {LongestRetention}.");
        foreach (var name in StepTimes.Keys.Where(n => !steps.Contains(n, StringComparer.OrdinalIgnoreCase)))
            yield return ($"{nameof(StepTimes)}:{name}", $"{StepTimes[name]}", $"there is no such step; the steps are {string.Join(", ", steps)}.");
        foreach (var name in Steps.Keys.Where(n => !optional.Contains(n, StringComparer.OrdinalIgnoreCase)))
            yield return ($"{nameof(Steps)}:{name}", $"{Steps[name]}", $"only {string.Join(", ", optional)} can be switched.");
    }
}
