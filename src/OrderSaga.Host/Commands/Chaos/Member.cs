using OrderSaga.Host.Commands.Load;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>One process of a shop. Whenever it dies it is started again, as a supervisor does it in production.</summary>
internal sealed class Member : IAsyncDisposable
{
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(200), Look = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource over = new();
    private readonly Func<ShopProcess> launch;
    private readonly TimeProvider time;
    private readonly Task keeping;
    private readonly List<ShopProcess> lives = [];
    private TimeSpan away;

    public Member(string roles, Func<ShopProcess> launch, TimeProvider time)
    {
        (Roles, this.launch, this.time) = (roles, launch, time);
        Process = Launch();
        keeping = KeepAsync();
    }

    public string Roles { get; }

    /// <summary>The process of now.</summary>
    public ShopProcess Process { get; private set; }

    public int Deaths { get; private set; }

    /// <summary>kill -9; it stays away for that long.</summary>
    public void Kill(TimeSpan gone) => End("KILL", gone);

    /// <summary>It is told to stop, as for a deployment; it stays away for that long.</summary>
    public void Stop(TimeSpan gone) => End("INT", gone);

    /// <summary>It stands still for that long, and knows nothing of it afterwards.</summary>
    public async Task FreezeAsync(TimeSpan still, CancellationToken ct)
    {
        var frozen = Process;
        frozen.Signal("STOP");
        try
        {
            await Task.Delay(still, time, ct);
        }
        finally
        {
            frozen.Signal("CONT");
        }
    }

    /// <summary>Waits until it is well, whoever it is by now.</summary>
    /// <exception cref="CommandException">It does not become so.</exception>
    public async Task ReadyAsync(CancellationToken ct)
    {
        while (true)
        {
            var life = Process;
            try
            {
                await life.ReadyAsync(time, ct);
                return;
            }
            catch (CommandException) when (life != Process || life.Ended.IsCompleted)
            {
                // It died of what was done to it, or of an order; the next one is on its way.
                await Task.Delay(Look, time, ct);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await keeping;
        Process.Signal("CONT");
        await Process.StopAsync();
        lives.ForEach(life => life.Dispose());
        over.Dispose();
    }

    private ShopProcess Launch()
    {
        // Until the end: somebody may still be at one that is dead.
        lives.Add(launch());
        return lives[^1];
    }

    private void End(string signal, TimeSpan gone)
    {
        away = gone;
        Process.Signal(signal);
    }

    private async Task KeepAsync()
    {
        try
        {
            while (true)
            {
                await Process.Ended.WaitAsync(over.Token);
                await Task.Delay(away + Breath, time, over.Token);
                away = TimeSpan.Zero;
                Deaths++;
                Process = Launch();
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }
}
