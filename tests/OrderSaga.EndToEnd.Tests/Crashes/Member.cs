using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Crashes;

/// <summary>One process of a shop, on wires of its own. Whenever it dies it is started again, as a supervisor does it in production.</summary>
internal sealed class Member : IAsyncDisposable
{
    private readonly CancellationTokenSource over = new();
    private readonly List<Shop> lives = [];
    private readonly ServersPlace place;
    private readonly string[] more;
    private readonly Task keeping;
    private TimeSpan grave;

    private Member(ServersPlace place, string roles, string[] more)
    {
        (this.place, Roles, this.more) = (place, roles, more);
        (ToDatabase, ToBroker) = (place.WireToDatabase(), place.WireToBroker());
        Shop = Launch();
        keeping = KeepAsync();
    }

    public string Roles { get; }

    public Wire ToDatabase { get; }

    public Wire ToBroker { get; }

    /// <summary>The process of now.</summary>
    public Shop Shop { get; private set; }

    public int Deaths => lives.Count - 1;

    /// <summary>What all of its lives said.</summary>
    public string Output => string.Join("\n---- started again ----\n", lives.Select(life => life.Output));

    public static async Task<Member> StartAsync(ServersPlace place, string roles, CancellationToken ct, params string[] more)
    {
        var member = new Member(place, roles, more);
        try
        {
            await member.Shop.ReadyAsync(ct);
            return member;
        }
        catch
        {
            await member.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it is well, whoever it is by now: an order may still be due that kills it.</summary>
    public async Task ReadyAsync(CancellationToken ct)
    {
        while (true)
        {
            var life = Shop;
            try
            {
                if (life.IsUp)
                {
                    await life.ReadyAsync(ct);
                    return;
                }
            }
            catch (InvalidOperationException)
            {
                // It is seen by its connections before it is seen by its process.
                var ended = life.Ended;
                if (await Task.WhenAny(ended, Task.Delay(TimeSpan.FromSeconds(5), ct)) != ended)
                    throw;
            }

            await Task.Delay(50, ct);
        }
    }

    /// <summary>kill -9; it stays away for that long.</summary>
    public Task KillAsync(TimeSpan away)
    {
        grave = away;
        return Shop.SignalAsync("KILL");
    }

    /// <summary>It stands still for that long, and knows nothing of it afterwards.</summary>
    public async Task FreezeAsync(TimeSpan still, CancellationToken ct)
    {
        var frozen = Shop;
        await frozen.SignalAsync("STOP");
        await Task.Delay(still, ct);
        await frozen.SignalAsync("CONT");
    }

    /// <summary>A wire is like that for so long.</summary>
    public static async Task SpoilAsync(Wire wire, Wire.State how, TimeSpan lasts, CancellationToken ct)
    {
        wire.Be(how);
        await Task.Delay(lasts, ct);
        wire.Be(Wire.State.Mended);
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await keeping;
        await Shop.SignalAsync("CONT");
        await Shop.StopAsync("KILL");
        foreach (var life in lives)
            await life.DisposeAsync();
        ToDatabase.Dispose();
        ToBroker.Dispose();
        over.Dispose();
    }

    private Shop Launch()
    {
        var shop = Shop.Launch(place, Roles, [.. place.Through(ToDatabase, ToBroker), .. more]);
        lives.Add(shop);
        return shop;
    }

    private async Task KeepAsync()
    {
        try
        {
            while (true)
            {
                await Shop.Ended.WaitAsync(over.Token);
                await Task.Delay(grave, over.Token);
                grave = TimeSpan.Zero;
                Shop = Launch();
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
