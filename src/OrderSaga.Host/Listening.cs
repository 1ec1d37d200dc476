using System.Net;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Host;

/// <summary>Who can reach this process, and whether it may be reached.</summary>
internal static class Listening
{
    private static readonly string[] Ports = ["HTTP_PORTS", "HTTPS_PORTS"];

    /// <summary>
    /// Operators' endpoints are shown beyond this machine only where it was said who operators are. (Without keys they let in nobody from
    /// there; but a shop that nobody can operate should not be found out about when it has to be.)
    /// </summary>
    public static void Check(WebApplication app)
    {
        var endpoints = ((IEndpointRouteBuilder)app).DataSources.SelectMany(d => d.Endpoints);
        if (app.Environment.IsDevelopment() || app.Services.GetRequiredService<OperatorKeys>().Any || !Operators.AnyIn(endpoints))
            return;
        foreach (var (key, value) in Addresses(app.Configuration))
            if (value.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Any(address => !IsThisMachine(address)))
                throw new SettingsException(key, value, "this is reached from other machines, and nobody has a key to operate it: set Ops:ApiKey (or Ops:Actors and Ops:Readers), or listen on this machine only, as on http://127.0.0.1:5080.");
    }

    /// <summary>Says who may operate this process, if there is anything to operate.</summary>
    public static void Tell(WebApplication app)
    {
        var keys = app.Services.GetRequiredService<OperatorKeys>();
        if (Operators.AnyIn(((IEndpointRouteBuilder)app).DataSources.SelectMany(d => d.Endpoints)))
            Console.WriteLine($"Operators: {(keys.Any ? $"by key; {keys.Summary}" : app.Environment.IsDevelopment() ? "whoever is on this machine" : "nobody, until Ops:ApiKey is set")}");
    }

    // As Kestrel reads them: its own endpoints before Urls, and ports of every address where there are no Urls.
    private static IEnumerable<(string Key, string Value)> Addresses(IConfiguration configuration)
    {
        var endpoints = configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(e => (Key: $"{e.Path}:Url", Value: e["Url"])).Where(e => e.Value is not null).ToList();
        if (endpoints.Count == 0 && !string.IsNullOrWhiteSpace(configuration["Urls"]))
            endpoints = [("Urls", configuration["Urls"])];
        if (endpoints.Count == 0)
            endpoints = [.. Ports.Where(ports => !string.IsNullOrWhiteSpace(configuration[ports])).Select(ports => (ports, (string?)$"http://*:{configuration[ports]}"))];
        return endpoints.Select(e => (e.Key, e.Value!));
    }

    private static bool IsThisMachine(string url)
    {
        try
        {
            var address = BindingAddress.Parse(url);
            return address.IsUnixPipe || address.IsNamedPipe || address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
                || (IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip));
        }
        catch (FormatException)
        {
            // Kestrel will say what is wrong with it.
            return true;
        }
    }
}
