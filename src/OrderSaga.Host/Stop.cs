using System.Diagnostics;
using System.Runtime.InteropServices;
using OrderSaga.Host.Embedded;

namespace OrderSaga.Host;

/// <summary>
/// How the program ends: not ready and no new orders first, then what is under way is finished or given back, then the bus and the
/// databases, the embedded server last. Within a bound, whatever hangs; and at once if it is told a second time.
/// </summary>
internal static class Stop
{
    private const int Hung = 1, AtOnce = 130;

    // Of all of it; and of that what the host has, so that the embedded server still stops in order.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan HostBound = TimeSpan.FromSeconds(18);
    private static readonly TimeSpan Reserve = TimeSpan.FromSeconds(3);

    private static int signals;

    /// <summary>Given to what stops in order; what takes no notice is left to <see cref="WhenToldAsync"/>.</summary>
    public static TimeSpan Patience { get; } = HostBound - TimeSpan.FromSeconds(1);

    /// <summary>Waits until it is told to stop, and stops; the exit code.</summary>
    public static async Task<int> WhenToldAsync(WebApplication app, EmbeddedPostgres? embedded)
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = app.Lifetime.ApplicationStopping.Register(told.SetResult);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Count(embedded));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Count(embedded));
        await told.Task;
        var watch = Stopwatch.StartNew();
        Console.WriteLine("Stopping; what is under way is finished first");
        var stopping = StopAsync(app);
        var inTime = await Task.WhenAny(stopping, Task.Delay(HostBound)) == stopping;
        if (inTime)
            await stopping;
        else
            Console.Error.WriteLine($"It does not stop within {HostBound.TotalSeconds:0} s: something that it waits for hangs, most likely the broker or a database. It ends anyway; what was accepted is kept, and goes on with the next start.");
        if (embedded is not null)
            await embedded.StopAsync(Bound - Reserve - watch.Elapsed);
        return inTime ? 0 : Hung;
    }

    // On a thread of its own: what hangs may hang before its first wait.
    private static Task StopAsync(WebApplication app) => Task.Run(async () =>
    {
        await app.StopAsync();
        await app.DisposeAsync();
    });

    // The first is the host's, whose own handler may have been called before this one.
    private static void Count(EmbeddedPostgres? embedded)
    {
        if (Interlocked.Increment(ref signals) < 2)
            return;
        Console.Error.WriteLine("Ended at once; what was accepted is kept, and goes on with the next start.");
        embedded?.Kill();
        Environment.Exit(AtOnce);
    }
}
