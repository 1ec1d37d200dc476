namespace OrderSaga.Messaging.Clock;

/// <summary>Real time and what it is ahead of it. When it moves, what waits for a time that has come by that waits no longer.</summary>
internal sealed class MovableTime : TimeProvider
{
    // A real timer is not exact to the millisecond.
    private static readonly TimeSpan Precision = TimeSpan.FromMilliseconds(20);

    private readonly Lock gate = new();

    // Only those that are set: whoever forgets to dispose a timer that has run leaves nothing here.
    private readonly HashSet<Timer> set = [];
    private long ahead;

    public TimeSpan Ahead => new(Volatile.Read(ref ahead));

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How many of its timers are set.</summary>
    internal int Timers
    {
        get
        {
            lock (gate)
                return set.Count;
        }
    }

    private TimeSpan Elapsed => System.GetElapsedTime(0) + Ahead;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;

    public override long GetTimestamp() => Elapsed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Puts it so far ahead of real time; it never goes back. Of a period that passed several times one is made up for.</summary>
    public void MoveTo(TimeSpan to)
    {
        lock (gate)
        {
            if (to <= Ahead)
                return;
            Volatile.Write(ref ahead, to.Ticks);
            foreach (var timer in set)
                timer.Moved();
        }
    }

    private sealed class Timer : ITimer
    {
        private readonly MovableTime time;
        private readonly TimerCallback callback;
        private readonly object? state;
        private readonly ITimer real;
        private TimeSpan due, period;

        public Timer(MovableTime time, TimerCallback callback, object? state)
        {
            (this.time, this.callback, this.state) = (time, callback, state);
            real = System.CreateTimer(static timer => ((Timer)timer!).Run(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time.gate)
            {
                if (!real.Change(dueTime, period))
                    return false;
                (due, this.period) = (time.Elapsed + dueTime, period);
                _ = dueTime == Timeout.InfiniteTimeSpan ? time.set.Remove(this) : time.set.Add(this);
                return true;
            }
        }

        public void Moved()
        {
            var left = due - time.Elapsed;
            real.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, period);
        }

        public void Dispose()
        {
            lock (time.gate)
                time.set.Remove(this);
            real.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            lock (time.gate)
                time.set.Remove(this);
            return real.DisposeAsync();
        }

        private void Run()
        {
            lock (time.gate)
            {
                if (period > TimeSpan.Zero)
                    due = time.Elapsed + period;
                else if (due <= time.Elapsed + Precision) // else it was set anew in between
                    time.set.Remove(this);
            }

            callback(state);
        }
    }
}
