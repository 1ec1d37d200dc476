using System.Net;
using Microsoft.Extensions.Configuration;

namespace OrderSaga.Web;

/// <summary>The section <c>Web</c> of the configuration: what clients may ask of this process.</summary>
internal sealed class WebOptions
{
    public const string Section = "Web";

    private static readonly TimeSpan LongestHeartbeat = TimeSpan.FromMinutes(10);

    /// <summary>How many orders a client may place in a second; 0 is any number.</summary>
    public int OrdersPerSecond { get; set; } = 2_000;

    /// <summary>The same for everything else.</summary>
    public int RequestsPerSecond { get; set; } = 10_000;

    /// <summary>How many clients may follow orders at a time, all together.</summary>
    public int EventStreams { get; set; } = 1_000;

    /// <summary>How long a stream of events may be silent.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Addresses and networks of proxies, separated by commas: what they say about who is behind them is believed.</summary>
    public string Proxies { get; set; } = "";

    public IReadOnlyList<string> ProxyList => Proxies.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) =>
        Messaging.Section.Check<WebOptions>(configuration, Section, "Rates and EventStreams are whole numbers, Heartbeat looks like 00:00:15.", o => o.Check());

    public static IPNetwork? NetworkOf(string proxy) =>
        IPNetwork.TryParse(proxy, out var network) ? network
        : IPAddress.TryParse(proxy, out var address) ? new(address, address.GetAddressBytes().Length * 8)
        : null;

    private IEnumerable<(string Key, string? Value, string Remedy)> Check()
    {
        foreach (var (key, rate) in new[] { (nameof(OrdersPerSecond), OrdersPerSecond), (nameof(RequestsPerSecond), RequestsPerSecond) })
            if (rate < 0)
                yield return (key, $"{rate}", "it must be how many a client may send in a second, or 0 for any number.");
        if (EventStreams < 1)
            yield return (nameof(EventStreams), $"{EventStreams}", "it must be at least 1.");
        if (Heartbeat < TimeSpan.FromSeconds(1) || Heartbeat > LongestHeartbeat)
            yield return (nameof(Heartbeat), $"{Heartbeat}", $"it must be from 00:00:01 to {LongestHeartbeat}.");
        foreach (var proxy in ProxyList.Where(p => NetworkOf(p) is null))
            yield return (nameof(Proxies), proxy, "it must be an address or a network, such as 10.0.0.7 or 10.0.0.0/24.");
    }
}
