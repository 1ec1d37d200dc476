namespace OrderSaga.Messaging.Tests.Steps.Support;

/// <summary>A clock that moves when a test moves it, and its timers with it.</summary>
internal sealed class Clock : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<Alarm> alarms = [];
    private DateTimeOffset now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
            return now;
    }

    public void Advance(TimeSpan by)
    {
        var until = GetUtcNow() + by;
        while (Next(until) is { } alarm)
            alarm.Ring();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var alarm = new Alarm(this, () => callback(state));
        alarm.Change(dueTime, period);
        return alarm;
    }

    // The clock stands at each alarm's own time when it rings.
    private Alarm? Next(DateTimeOffset until)
    {
        lock (gate)
        {
            var next = alarms.Where(a => a.Due <= until).MinBy(a => a.Due);
            now = next is null ? until : next.Due > now ? next.Due.Value : now;
            next?.SetNext();
            return next;
        }
    }

    private sealed class Alarm(Clock clock, Action ring) : ITimer
    {
        private TimeSpan period;

        public DateTimeOffset? Due { get; private set; }

        public void Ring() => ring();

        public void SetNext() => Due = period > TimeSpan.Zero ? Due + period : null;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.gate)
            {
                this.period = period;
                Due = dueTime == Timeout.InfiniteTimeSpan ? null : clock.now + dueTime;
                if (!clock.alarms.Contains(this))
                    clock.alarms.Add(this);
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock.gate)
                clock.alarms.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
