using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web;

/// <summary>
/// How much one client may ask of this process in a second: orders are counted apart from the rest. A client is the address that a request
/// comes from; of what comes by a proxy that is trusted, the address that the proxy names.
/// </summary>
internal static class RateLimit
{
    // Whoever has an IPv6 address has as many as he likes, of one network.
    private const int NetworkBytes = 8;

    /// <summary>Marks the endpoint that is counted by <see cref="WebOptions.OrdersPerSecond"/>.</summary>
    public sealed class AnOrder;

    public static void AddRateLimit(this IServiceCollection services)
    {
        services.AddRateLimiter(_ => { });
        services.AddOptions<RateLimiterOptions>().Configure<IOptions<WebOptions>>((limiter, web) =>
        {
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, (bool Order, string Client)>(http => Partition(http, web.Value));
            limiter.OnRejected = (rejected, _) => RefuseAsync(rejected.HttpContext, rejected.Lease);
        });
        services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<WebOptions>>((forwarded, web) =>
        {
            forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var proxy in web.Value.ProxyList)
                forwarded.KnownIPNetworks.Add(WebOptions.NetworkOf(proxy)!.Value);
        });
    }

    public static void UseRateLimit(this WebApplication app)
    {
        // With nobody to trust the middleware would trust everybody.
        if (app.Services.GetRequiredService<IOptions<WebOptions>>().Value.ProxyList.Count > 0)
            app.UseForwardedHeaders();
        app.UseRateLimiter();
    }

    private static RateLimitPartition<(bool Order, string Client)> Partition(HttpContext http, WebOptions web)
    {
        var order = http.GetEndpoint()?.Metadata.GetMetadata<AnOrder>() is not null;
        var rate = order ? web.OrdersPerSecond : web.RequestsPerSecond;
        var key = (order, Client(http.Connection.RemoteIpAddress));
        return rate == 0
            ? RateLimitPartition.GetNoLimiter(key)
            : RateLimitPartition.GetTokenBucketLimiter(key, _ => new() { TokenLimit = rate, TokensPerPeriod = rate, ReplenishmentPeriod = TimeSpan.FromSeconds(1) });
    }

    private static string Client(IPAddress? address) =>
        address is null ? ""
        : address.IsIPv4MappedToIPv6 ? $"{address.MapToIPv4()}"
        : address.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes(), 0, NetworkBytes)
        : $"{address}";

    private static async ValueTask RefuseAsync(HttpContext http, RateLimitLease lease)
    {
        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? Math.Max(1, Math.Ceiling(after.TotalSeconds)) : 1;
        http.Response.Headers.RetryAfter = wait.ToString(CultureInfo.InvariantCulture);
        await Problems.Of(429, "too-many-requests", "Too many requests.", $"Nothing was done. Send it again in {wait} s, and not so much in a second.").ExecuteAsync(http).ConfigureAwait(false);
    }
}
