using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>How the shop stands, as all who look at it see it.</summary>
internal sealed record ShopNow(
    string Stamp, ShopSummary Summary, ShopFlow Flow, IReadOnlyList<OrderSummary> Longest, WaitingLetters Letters, OpenAlerts Alerts, IReadOnlyDictionary<string, double> Took,
    IReadOnlyList<ShopMinute> Minutes, IReadOnlyList<ShopSample> Samples, Reconciled? Books)
{
    /// <summary>What stands on the list of what needs a person.</summary>
    public int Waiting => Summary.Stuck + Letters.Waiting;
}

/// <summary>What cannot be read from what is stored, as it was in a minute.</summary>
internal sealed record ShopSample(int InFlight, int Compensating, int Stuck, int Slow, int Letters);

/// <summary>
/// Looks how the shop stands: once for all who want to know, at most once a second, and only while somebody does, but for one look a minute.
/// What takes long is looked at so rarely that it stays under a quarter of a percent of a processor, however much there is to count.
/// </summary>
internal sealed class ShopWatch : BackgroundService
{
    private const int Hour = 60, Share = 400, MostLongest = 6;

    private static readonly TimeSpan Seldom = TimeSpan.FromMinutes(1);

    // What a person looks at goes by the clock on the wall.
    private static readonly TimeProvider Wall = TimeProvider.System;
    private readonly SemaphoreSlim gate = new(1);
    private readonly string process = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
    private readonly Paced<EndedOrders> ended;
    private readonly Paced<ShopStand> orders;
    private readonly Paced<(WaitingLetters Letters, OpenAlerts Alerts)> others;
    private readonly Paced<(IReadOnlyDictionary<string, double> Took, IReadOnlyList<ShopMinute> Minutes)> past;
    private readonly IBooks books;
    private readonly CancellationToken stopping;
    private Task<Reconciled>? comparing;
    private TimeSpan comparison;
    private long compared;
    private readonly ILogger<ShopWatch> log;
    private volatile IReadOnlyList<ShopSample> samples = [];
    private string seen = "";
    private ShopNow? now;

    public ShopWatch(Queries queries, DeadLetterDesk letters, AlertDesk alerts, TimeProvider time, IHostApplicationLifetime host, ILogger<ShopWatch> log, IBooks books)
    {
        (this.log, stopping) = (log, host.ApplicationStopping);
        ended = new(Seldom, queries.EndedAsync);
        orders = new(TimeSpan.FromSeconds(0.9), async ct => await queries.StandAsync(await ended.GetAsync(ct).ConfigureAwait(false), MostLongest, ct).ConfigureAwait(false));
        others = new(TimeSpan.FromSeconds(2), async ct => (await letters.WaitingAsync(ct).ConfigureAwait(false), await alerts.OpenAsync(ct).ConfigureAwait(false)));
        past = new(TimeSpan.FromSeconds(10), async ct => (
            await queries.TookAsync(time.GetUtcNow().AddMinutes(-5), ct).ConfigureAwait(false), await queries.MinutesAsync(time.GetUtcNow().AddMinutes(-Hour), ct).ConfigureAwait(false)));
        this.books = books;
    }

    /// <summary>How it stands.</summary>
    /// <param name="whole">Also whether everybody's books agree, which is read when somebody looks at it.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<ShopNow> NowAsync(bool whole, CancellationToken ct)
    {
        await gate.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            var (summary, flow, longest) = await orders.GetAsync(ct).ConfigureAwait(false);
            var (letters, alerts) = await others.GetAsync(ct).ConfigureAwait(false);
            var (took, minutes) = await past.GetAsync(ct).ConfigureAwait(false);
            var agree = whole ? Compared() : now?.Books;
            // Who comes between two looks sees the same.
            if (ReferenceEquals(summary, now?.Summary) && ReferenceEquals(agree, now?.Books) && now?.Samples.Count == samples.Count)
                return now!;
            var shown = JsonSerializer.Serialize(new { summary = summary with { At = default }, flow, longest, letters, alerts, took, minutes, samples.Count, agree?.At });
            if (shown != seen)
                (seen, now) = (shown, new($"{process}{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(shown)), 0, 6)}", summary, flow, longest, letters, alerts, took, minutes, samples, agree));
            return now = now! with { Summary = summary };
        }
        finally
        {
            gate.Release();
        }
    }

    // All books take long to read: nobody waits for it. What came of it is seen by whoever looks after that.
    private Reconciled? Compared()
    {
        if (comparing is { IsCompleted: false })
            return now?.Books;
        var known = comparing is { IsCompletedSuccessfully: true } ? comparing.Result : now?.Books;
        if (comparing is null || Stopwatch.GetElapsedTime(compared) > (comparison * Share > Seldom ? comparison * Share : Seldom))
            comparing = Task.Run(CompareAsync, stopping);
        return known;
    }

    private async Task<Reconciled> CompareAsync()
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            return await books.ReconcileAsync(stopping).ConfigureAwait(false);
        }
        finally
        {
            (comparison, compared) = (Stopwatch.GetElapsedTime(began), Stopwatch.GetTimestamp());
        }
    }

    public override void Dispose()
    {
        gate.Dispose();
        base.Dispose();
    }

    // A look a minute, so that there is an hour to show when somebody comes.
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var minute = new PeriodicTimer(TimeSpan.FromMinutes(1), Wall);
        while (await minute.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            try
            {
                var it = await NowAsync(whole: false, stoppingToken).ConfigureAwait(false);
                Keep(new(it.Summary.InFlight, it.Summary.States.GetValueOrDefault("Compensating"), it.Summary.Stuck, it.Summary.Slow, it.Letters.Waiting));
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A minute without a point. What is wrong is said by those whose work it is.
                log.LogDebug(e, "It could not be looked how the shop stands");
            }
        }
    }

    private void Keep(ShopSample sample) => samples = [.. samples.TakeLast(Hour - 1), sample];

    // Read again after a while, which is the longer the longer it took.
    private sealed class Paced<T>(TimeSpan every, Func<CancellationToken, Task<T>> read)
    {
        private long due = long.MinValue;
        private T? value;

        public async Task<T> GetAsync(CancellationToken ct)
        {
            var began = Stopwatch.GetTimestamp();
            if (began < due)
                return value!;
            value = await read(ct).ConfigureAwait(false);
            var cost = Stopwatch.GetElapsedTime(began) * Share;
            due = Stopwatch.GetTimestamp() + (long)((cost > every && every >= Seldom ? cost : every).TotalSeconds * Stopwatch.Frequency);
            return value;
        }
    }
}
