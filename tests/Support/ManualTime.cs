namespace OrderSaga.Tests;

/// <summary>A clock that moves when a test moves it, with its timers.</summary>
internal sealed class ManualTime(DateTimeOffset start) : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<ManualTimer> running = [];
    private DateTimeOffset now = start;
    private TimeSpan elapsed;

    public ManualTime() : this(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero))
    {
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How many of its timers are set.</summary>
    public int Timers
    {
        get
        {
            lock (gate)
                return running.Count;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
            return now;
    }

    public override long GetTimestamp()
    {
        lock (gate)
            return elapsed.Ticks;
    }

    /// <summary>Time passes: timers that come due on the way run at their time.</summary>
    public void Advance(TimeSpan by)
    {
        var end = TimeSpan.Zero;
        lock (gate)
            end = elapsed + by;
        while (NextUntil(end) is { } timer)
            timer.Run();
    }

    /// <summary>Somebody sets the clock. Timers measure what has passed, not what it says.</summary>
    public void Set(TimeSpan forwards)
    {
        lock (gate)
            now += forwards;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private ManualTimer? NextUntil(TimeSpan end)
    {
        lock (gate)
        {
            var next = running.Where(t => t.At <= end).MinBy(t => t.At);
            Pass((next?.At ?? end) - elapsed);
            next?.Take();
            return next;
        }
    }

    private void Pass(TimeSpan by)
    {
        if (by <= TimeSpan.Zero)
            return;
        now += by;
        elapsed += by;
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan period;

        public TimeSpan At { get; private set; }

        public void Run() => callback(state);

        // As far as this time is concerned, it has run.
        public void Take()
        {
            if (period > TimeSpan.Zero)
                At += period;
            else
                time.running.Remove(this);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time.gate)
            {
                time.running.Remove(this);
                this.period = period;
                if (dueTime >= TimeSpan.Zero)
                {
                    At = time.elapsed + dueTime;
                    time.running.Add(this);
                }
            }

            // What is due at once does not wait for the clock to move.
            if (dueTime == TimeSpan.Zero)
                ThreadPool.QueueUserWorkItem(_ => time.Advance(TimeSpan.Zero));
            return true;
        }

        public void Dispose()
        {
            lock (time.gate)
                time.running.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
