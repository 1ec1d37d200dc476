namespace OrderSaga.Host.Commands.Load;

/// <summary>How far it is, on one line that is written over; only where somebody looks at a terminal.</summary>
internal sealed class Progress(TimeProvider time)
{
    private const int Width = 24;
    private static readonly TimeSpan Each = TimeSpan.FromMilliseconds(250), Lately = TimeSpan.FromSeconds(5);

    private readonly bool shown = !Console.IsErrorRedirected;
    private int longest;

    /// <summary>Shows it until told to stop.</summary>
    public async Task FollowAsync(string what, Tally tally, int? wanted, TimeSpan? limit, CancellationToken ct)
    {
        if (!shown)
            return;
        while (!ct.IsCancellationRequested)
        {
            Say(Line(what, tally.Glance(Lately), wanted, limit));
            await Task.Delay(Each, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Clear();
    }

    public void Say(string text)
    {
        if (!shown)
            return;
        Console.Error.Write($"\r{text.PadRight(longest)}");
        longest = text.Length;
    }

    public void Clear()
    {
        Say("");
        if (shown)
            Console.Error.Write('\r');
    }

    /// <summary>The line: how much is done, how fast it is of late, how long orders take of late.</summary>
    public static string Line(string what, Glance now, int? wanted, TimeSpan? limit)
    {
        var done = Math.Max(wanted is > 0 ? (double)(now.Ended + now.Failed) / wanted.Value : 0, limit is { } time ? now.Elapsed / time : 0);
        var filled = (int)(Math.Clamp(done, 0, 1) * Width);
        return FormattableString.Invariant(
            $"{what} [{new string('#', filled)}{new string('.', Width - filled)}] {now.Ended}{(wanted is null ? "" : $"/{wanted}")}  {now.Rate:0} orders/s  p50 {now.Lately?.P50 ?? 0:0} ms  p99 {now.Lately?.P99 ?? 0:0} ms  {now.UnderWay} under way{(now.Failed > 0 ? $"  {now.Failed} errors" : "")}");
    }
}
