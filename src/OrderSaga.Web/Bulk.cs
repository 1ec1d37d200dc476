using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;

namespace OrderSaga.Web;

/// <summary>What is to be done with all that a filter finds.</summary>
internal sealed record BulkAsk(string? Reason = null, string? Evidence = null, bool DryRun = false, bool All = false, int Most = Bulk.MostAtOnce);

/// <summary>What came of it.</summary>
/// <param name="Matched">How many the filter found.</param>
/// <param name="DryRun">Whether they were only counted.</param>
/// <param name="Done">Those that were done, and came to a good end where that is waited for.</param>
/// <param name="Refused">Those that it was not possible with as they stand, or that it had been done with before.</param>
/// <param name="Failed">Those that failed again, or did not come to an end in time.</param>
/// <param name="Left">Those that were not tried.</param>
/// <param name="Stopped">Why it stopped before its end: failures, time, or the process is about to stop.</param>
/// <param name="Failures">The first that were refused or failed.</param>
/// <param name="Next">The <c>page</c> of a further call that goes on behind the last one that was tried.</param>
internal sealed record BulkAnswer(int Matched, bool DryRun, int Done, int Refused, int Failed, int Left, string? Stopped, IReadOnlyList<BulkFailure> Failures, string? Next);

/// <summary>One that was refused or failed.</summary>
internal sealed record BulkFailure(Guid Id, string? Step, string Why);

/// <summary>What came of one: nothing to say where it is done.</summary>
internal sealed record Tried(bool Done, string? Why = null);

/// <summary>
/// Does the same to many, in batches that grow: whoever has thousands tried again while their cause is not mended spoils one, not all.
/// Where something follows from what is done, the next batch begins when that is known of all.
/// </summary>
internal sealed class Bulk(IHostApplicationLifetime host, ILogger<Bulk> log)
{
    /// <summary>How many a call does at most.</summary>
    public const int MostAtOnce = 1000;

    private const int Growth = 5, AtOnce = 8, MostFailures = 10;

    // A caller waits for it, and goes on with another call. By the clock on the wall, as he does.
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(15), Watched = TimeSpan.FromSeconds(12), Look = TimeSpan.FromMilliseconds(100);

    /// <param name="page">What is tried, in its order.</param>
    /// <param name="idOf">What each is called, and behind which mark the next begins.</param>
    /// <param name="act">Does it to one; what it throws is a failure.</param>
    /// <param name="ended">Which came to an end since, and whether it was good; none where nothing follows.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<BulkAnswer> RunAsync<T>(
        Page<T> page, Func<T, (Guid Id, string? Step, PageMark Mark)> idOf, Func<T, CancellationToken, Task<Tried>> act, Func<IReadOnlyCollection<T>, CancellationToken, Task<IReadOnlyDictionary<T, bool>>>? ended, CancellationToken ct)
        where T : notnull
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, host.ApplicationStopping);
        var (watch, failures) = (Stopwatch.StartNew(), new List<BulkFailure>());
        var (tried, done, failed, stopped) = (0, 0, 0, (string?)null);
        for (var size = 1; tried < page.Items.Count && stopped is null; size *= Growth)
        {
            var batch = page.Items.Skip(tried).Take(size).ToList();
            var (well, refused, bad) = await OnceAsync(batch, act, ended, stop.Token).ConfigureAwait(false);
            (tried, done, failed) = (tried + batch.Count, done + well, failed + bad.Count);
            failures.AddRange(refused.Concat(bad).Take(MostFailures - failures.Count).Select(f => new BulkFailure(idOf(f.Item).Id, idOf(f.Item).Step, f.Why)));
            stopped = bad.Count > 0 ? "failures" : stop.IsCancellationRequested ? "the process is about to stop" : watch.Elapsed > Time && tried < page.Items.Count ? "time" : null;
        }

        var matched = page.Matched ?? page.Items.Count;
        var next = tried == 0 ? null : tried < page.Items.Count ? $"{idOf(page.Items[tried - 1]).Mark}" : page.Next;
        return new(matched, DryRun: false, done, tried - done - failed, failed, Math.Max(0, matched - tried), stopped, failures, next);
    }

    private async Task<(int Well, IReadOnlyList<(T Item, string Why)> Refused, IReadOnlyList<(T Item, string Why)> Failed)> OnceAsync<T>(
        List<T> batch, Func<T, CancellationToken, Task<Tried>> act, Func<IReadOnlyCollection<T>, CancellationToken, Task<IReadOnlyDictionary<T, bool>>>? ended, CancellationToken stop)
        where T : notnull
    {
        var (done, refused, failed) = (new ConcurrentQueue<T>(), new ConcurrentQueue<(T, string)>(), new ConcurrentQueue<(T, string)>());
        await Parallel.ForEachAsync(batch, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (item, _) =>
        {
            try
            {
                stop.ThrowIfCancellationRequested();
                var tried = await act(item, stop).ConfigureAwait(false);
                if (tried.Done)
                    done.Enqueue(item);
                else
                    refused.Enqueue((item, tried.Why ?? "It had been done before."));
            }
            catch (Exception e)
            {
                log.LogWarning(e, "One of many could not be decided about");
                failed.Enqueue((item, stop.IsCancellationRequested ? "It was not tried: it was to stop." : $"It could not be decided ({e.GetType().Name}): if the database is well, the log says more."));
            }
        }).ConfigureAwait(false);
        var left = ended is null ? [] : done.ToHashSet();
        for (var watch = Stopwatch.StartNew(); left.Count > 0 && watch.Elapsed < Watched && !stop.IsCancellationRequested;)
        {
            try
            {
                foreach (var (item, well) in await ended!(left, CancellationToken.None).ConfigureAwait(false))
                    if (left.Remove(item) && !well)
                        failed.Enqueue((item, "It failed again."));
            }
            catch (Exception e)
            {
                // What was done is told all the same.
                log.LogWarning(e, "It could not be looked at what became of many");
            }

            if (left.Count > 0)
                await Task.Delay(Look, CancellationToken.None).ConfigureAwait(false);
        }

        foreach (var item in left)
            failed.Enqueue((item, $"It was not known within {Watched.TotalSeconds} s what became of it."));
        return (batch.Count - refused.Count - failed.Count, [.. refused], [.. failed]);
    }
}
