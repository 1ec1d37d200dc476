namespace OrderSaga.Messaging.Scheduling;

/// <summary>The times of the scheduler. What an idle node costs, and how late a timer may be when something fails, follows from them.</summary>
internal static class TimeoutPace
{
    /// <summary>Timers go to Quartz when they are due within this time: most are overtaken by an answer before, and never do.</summary>
    public static readonly TimeSpan Horizon = TimeSpan.FromSeconds(5);

    /// <summary>Between two looks at the rows. Less than the horizon, or a timer could be due between them.</summary>
    public static readonly TimeSpan Look = TimeSpan.FromSeconds(3);

    /// <summary>How long a timer that did not act, or whose node died over it, is found again by every look; after that it is left to the sweep.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(30);

    /// <summary>How often a node says that it lives. A dead node's timers are taken over after three times this at most.</summary>
    public static readonly TimeSpan CheckIn = TimeSpan.FromSeconds(7.5);

    /// <summary>How long Quartz waits before it looks for triggers that it was not told of, set by other nodes or by a clock that jumped.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromSeconds(10);

    /// <summary>How long a stop waits for what is acting.</summary>
    public static readonly TimeSpan Stop = TimeSpan.FromSeconds(5);

    /// <summary>Before a scheduler that could not start, or whose database was away, tries again.</summary>
    public static readonly TimeSpan Restart = TimeSpan.FromSeconds(5);

    /// <summary>Timers per hand-over: it holds a lock of the scheduler's for as long as it writes them.</summary>
    public const int Batch = 100;

    /// <summary>Timers that act at once on a node, each on a connection.</summary>
    public const int Concurrency = 10;
}
