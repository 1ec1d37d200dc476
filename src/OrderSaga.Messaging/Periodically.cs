using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging;

/// <summary>What a room does at the start of the host and from time to time after that.</summary>
public static class Periodically
{
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
        var (first, failing) = (true, false);
        using var timer = new PeriodicTimer(pause, time);
        do
        {
            try
            {
                await act(first).ConfigureAwait(false);
                first = false;
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
        while (await timer.WaitForNextTickAsync(ct).ConfigureAwait(false));
    }
}
