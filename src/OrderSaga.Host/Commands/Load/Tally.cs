namespace OrderSaga.Host.Commands.Load;

/// <summary>Where a number of durations lie, in milliseconds.</summary>
internal sealed record Spread(int Orders, double Mean, double P50, double P95, double P99, double Max)
{
    public static Spread? Of(IEnumerable<double> times)
    {
        var sorted = times.Order().ToArray();
        return sorted.Length == 0 ? null : new(sorted.Length, sorted.Average(), At(sorted, 50), At(sorted, 95), At(sorted, 99), sorted[^1]);
    }

    /// <summary>The smallest that at least so many percent are not above; always one that was measured.</summary>
    public static double At(IReadOnlyList<double> sorted, double percent) => sorted[Math.Clamp((int)Math.Ceiling(sorted.Count * percent / 100 - 1e-9) - 1, 0, sorted.Count - 1)];
}

/// <summary>An order that has come to rest.</summary>
/// <param name="Meant">How it was meant to end.</param>
/// <param name="State">How it did.</param>
/// <param name="Met">Whether that is the same.</param>
/// <param name="At">When, since the beginning, in milliseconds.</param>
/// <param name="Took">From when it was due, in milliseconds.</param>
internal readonly record struct Ended(string Meant, string State, bool Met, double At, double Took);

/// <summary>What has happened since the beginning; anybody may write and read at any time.</summary>
internal sealed class Tally(TimeProvider time)
{
    private readonly Lock turn = new();
    private readonly long began = time.GetTimestamp();
    private readonly List<Ended> ended = [];
    private readonly List<(double At, double Took)> accepted = [];
    private readonly Dictionary<string, int> errors = [];
    private int underWay, mostUnderWay;
    private long last = time.GetTimestamp();

    /// <summary>How late an order was sent that was due, at most: that is the fault of this program, and counts as the order's.</summary>
    public TimeSpan Latest { get; private set; }

    /// <summary>Since it began.</summary>
    public TimeSpan Elapsed => time.GetElapsedTime(began);

    /// <summary>Since anything happened.</summary>
    public TimeSpan Silent
    {
        get
        {
            lock (turn)
                return time.GetElapsedTime(last);
        }
    }

    public void Sends(TimeSpan late)
    {
        lock (turn)
        {
            mostUnderWay = Math.Max(mostUnderWay, ++underWay);
            Latest = late > Latest ? late : Latest;
        }
    }

    public void Accepted(TimeSpan took)
    {
        lock (turn)
        {
            last = time.GetTimestamp();
            accepted.Add((time.GetElapsedTime(began, last).TotalMilliseconds, took.TotalMilliseconds));
        }
    }

    public void Ends(Kind meant, string state, long due)
    {
        lock (turn)
        {
            last = time.GetTimestamp();
            underWay--;
            ended.Add(new(meant.Name, state, meant.MayEnd(state), time.GetElapsedTime(began, last).TotalMilliseconds, time.GetElapsedTime(due, last).TotalMilliseconds));
        }
    }

    public void Errs(string what)
    {
        lock (turn)
        {
            last = time.GetTimestamp();
            underWay--;
            errors[what] = errors.GetValueOrDefault(what) + 1;
        }
    }

    /// <summary>Nobody waits for it any more.</summary>
    public void Leaves()
    {
        lock (turn)
            underWay--;
    }

    /// <summary>How it goes, as far back as said.</summary>
    public Glance Glance(TimeSpan back)
    {
        lock (turn)
        {
            var (elapsed, lately) = (Elapsed, new List<double>());
            for (var i = ended.Count - 1; i >= 0 && ended[i].At >= (elapsed - back).TotalMilliseconds; i--)
                lately.Add(ended[i].Took);
            return new(elapsed, ended.Count, errors.Values.Sum(), underWay, lately.Count / Math.Max(Math.Min(elapsed.TotalSeconds, back.TotalSeconds), 0.001), Spread.Of(lately));
        }
    }

    public Totals Read()
    {
        lock (turn)
            return new(Elapsed, [.. ended], [.. accepted], new Dictionary<string, int>(errors), underWay, mostUnderWay, Latest);
    }
}

/// <summary>How it goes.</summary>
internal sealed record Glance(TimeSpan Elapsed, int Ended, int Failed, int UnderWay, double Rate, Spread? Lately);

/// <summary>What a <see cref="Tally"/> said at a time.</summary>
internal sealed record Totals(
    TimeSpan Elapsed, IReadOnlyList<Ended> Ended, IReadOnlyList<(double At, double Took)> Accepted, IReadOnlyDictionary<string, int> Errors, int UnderWay, int MostUnderWay, TimeSpan Latest)
{
    /// <summary>How many orders brought an error instead of an answer.</summary>
    public int Failed => Errors.Values.Sum();

    /// <summary>Accepted, and not seen at rest.</summary>
    public int NotAtRest => Accepted.Count - Ended.Count;

    /// <summary>Until the last one came to rest.</summary>
    public double Seconds => Ended.Count > 0 ? Ended.Max(e => e.At) / 1000 : Elapsed.TotalSeconds;
}
