using System.Net;
using System.Net.Sockets;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>One shop in several processes, as a production is: each with roles of its own, over one broker.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    /// <summary>Three processes that hold all roles between them: the services, payment, and who tells them what to do.</summary>
    public static readonly IReadOnlyList<string> Three = ["orders,inventory,pricing,notification", "payment,shipping", "orchestrator,web"];

    private readonly string gateway = $"http://127.0.0.1:{FreePort()}";
    private readonly List<Shop> shops = [];
    private readonly Place place;
    private readonly string[] more;

    private Fleet(Place place, string[] more) => (this.place, this.more) = (place, more);

    /// <summary>The one that others call.</summary>
    public Shop Web { get; private set; } = null!;

    public IReadOnlyList<Shop> Shops => shops;

    /// <summary>What really happened at the gateway.</summary>
    public Uri Gateway => shops is [var alone] ? alone.Http.BaseAddress! : new(gateway);

    /// <summary>Starts them one after the other, in this order.</summary>
    public static async Task<Fleet> StartAsync(Place place, IEnumerable<string> roles, CancellationToken ct, params string[] more)
    {
        var fleet = new Fleet(place, more);
        try
        {
            foreach (var some in roles)
                await fleet.AddAsync(some, ct);
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>One process where nothing is configured, three over the servers.</summary>
    public static Task<Fleet> StartAsync(Place place, CancellationToken ct, params string[] more) =>
        StartAsync(place, place is EmbeddedPlace ? [string.Join(',', Three)] : Three, ct, more);

    public async Task<Shop> AddAsync(string roles, CancellationToken ct)
    {
        var (web, payment) = (roles.Contains("web", StringComparison.Ordinal), roles.Contains("payment", StringComparison.Ordinal));
        var shop = await Shop.StartAsync(place, ct, roles, [.. more, .. web == payment ? Array.Empty<string>() : web ? ["--Payment:GatewayUrl", gateway] : ["--urls", gateway]]);
        lock (shops)
            shops.Add(shop);
        if (web)
            Web = shop;
        return shop;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync(Shop shop)
    {
        await shop.KillAsync();
        await shop.DisposeAsync();
        shops.Remove(shop);
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(shops.Select(shop => shop.DisposeAsync().AsTask()));

    // Below those that the system gives to whoever connects somewhere.
    private static int FreePort()
    {
        for (var port = Random.Shared.Next(15_000, 30_000); ; port++)
        {
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // It is somebody else's.
            }
        }
    }
}
