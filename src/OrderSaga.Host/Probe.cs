namespace OrderSaga.Host;

/// <summary>
/// The command health: asks the program that runs on this machine, at the address where it listens, whether it can do its work. For images
/// that have nothing else to ask with.
/// </summary>
internal static class Probe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public static async Task<int> RunAsync(string[] args)
    {
        var address = AddressOf(Start.Configured(args).Configuration["Urls"]!);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
        try
        {
            using var answer = await http.GetAsync(new Uri(address, "health/ready"));
            Console.WriteLine(await answer.Content.ReadAsStringAsync());
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            Console.Error.WriteLine($"Nobody answers at {address} within {Patience.TotalSeconds} s: see that it runs, and that Urls is what it was started with.");
            return 1;
        }
    }

    // Where it listens on every address, it listens on this machine's own.
    private static Uri AddressOf(string urls)
    {
        var at = BindingAddress.Parse(urls.Split(';')[0]);
        return new UriBuilder(at.Scheme, at.Host is "+" or "*" or "0.0.0.0" or "[::]" ? "127.0.0.1" : at.Host, at.Port).Uri;
    }
}
