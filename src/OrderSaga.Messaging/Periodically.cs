using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging;

/// <summary>What a room does at the start of the host and from time to time after that.</summary>
public static class Periodically
{
    // What stays due although it was looked at must not keep a processor busy.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Completes when the host has started: the schema stands, and the bus listens or will.</summary>
    public static async Task StartedAsync(this IHostApplicationLifetime host, CancellationToken ct)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = host.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>
    /// Acts at once and then again after each pause, until it is stopped. Failures do not end it: the first of a row is logged, and the
    /// success that ends the row.
    /// </summary>
    /// <param name="time">The clock.</param>
    /// <param name="pause">The pause.</param>
    /// <param name="act">What is done; it is told whether it is the first time.</param>
    /// <param name="log">Where a failure goes.</param>
    /// <param name="what">What is done, in words for the log.</param>
    /// <param name="ct">Stops it.</param>
    public static async Task EveryAsync(this TimeProvider time, TimeSpan pause, Func<bool, Task> act, ILogger log, string what, CancellationToken ct)
    {
        var first = true;
        using var timer = new PeriodicTimer(pause, time);
        await RepeatAsync(ActAsync, async () => await timer.WaitForNextTickAsync(ct).ConfigureAwait(false), pause, log, what, ct).ConfigureAwait(false);

        async Task ActAsync()
        {
            await act(first).ConfigureAwait(false);
            first = false;
        }
    }

    /// <summary>
    /// Acts at once, then when the next thing is due, when the bell rings, and at the latest after the longest pause, for another node
    /// may have set what is due. Failures as in <see cref="EveryAsync"/>.
    /// </summary>
    /// <param name="time">The clock.</param>
    /// <param name="longest">The longest pause.</param>
    /// <param name="bell">Rings when something is due sooner than was known.</param>
    /// <param name="act">What is done; it says when the next thing is due.</param>
    /// <param name="log">Where a failure goes.</param>
    /// <param name="what">What is done, in words for the log.</param>
    /// <param name="ct">Stops it.</param>
    public static Task WhenDueAsync(this TimeProvider time, TimeSpan longest, Doorbell bell, Func<Task<DateTimeOffset?>> act, ILogger log, string what, CancellationToken ct)
    {
        var (rings, due) = (Task.CompletedTask, (DateTimeOffset?)null);
        return RepeatAsync(ActAsync, NextAsync, longest, log, what, ct);

        async Task ActAsync()
        {
            // Asked for before looking, or what comes due between the two would wait for the longest pause.
            (rings, due) = (bell.RingsAsync(), null);
            due = await act().ConfigureAwait(false);
        }

        async Task<bool> NextAsync()
        {
            var seen = time.GetUtcNow();
            var pause = due - seen is { } left && left < longest ? left : longest;
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var over = Task.Delay(pause > ShortestPause ? pause : ShortestPause, time, enough.Token);
            // Due already, or since the clock was moved meanwhile: one that stands still now would not end any pause.
            if (time.GetUtcNow() - seen >= pause)
                over = Task.Delay(ShortestPause, enough.Token);
            await Task.WhenAny(rings, over).ConfigureAwait(false);
            await enough.CancelAsync().ConfigureAwait(false);
            ct.ThrowIfCancellationRequested();
            return true;
        }
    }

    private static async Task RepeatAsync(Func<Task> act, Func<Task<bool>> next, TimeSpan pause, ILogger log, string what, CancellationToken ct)
    {
        var failing = false;
        do
        {
            try
            {
                await act().ConfigureAwait(false);
                if (failing)
                    log.LogInformation("{What} succeeds again", what);
                failing = false;
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                if (!failing)
                    log.LogWarning(e, "{What} failed; it is tried again every {Pause}", what, pause);
                failing = true;
            }
        }
        while (await next().ConfigureAwait(false));
    }
}
