using Microsoft.Extensions.Hosting;

namespace OrderSaga.Messaging;

public static class HostStart
{
    /// <summary>Completes when the host has started: the schema stands, and the bus listens or will.</summary>
    public static async Task StartedAsync(this IHostApplicationLifetime host, CancellationToken ct)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = host.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(ct).ConfigureAwait(false);
    }
}
