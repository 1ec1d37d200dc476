using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace OrderSaga.Host.Commands;

/// <summary>A shop that runs, by the HTTP face of its operators.</summary>
internal sealed class ShopClient : IDisposable
{
    /// <summary>The options that say which shop, and how to print what it says.</summary>
    public const string Url = "--url", Json = "--json";

    private const string UsualUrl = "http://127.0.0.1:5080";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly HttpClient http;

    private ShopClient(Uri address, string? key)
    {
        // A proxy is for what is elsewhere; and a key goes where it was meant to, not where an answer sends it.
        http = new HttpClient(new SocketsHttpHandler { UseProxy = !address.IsLoopback, AllowAutoRedirect = false }) { BaseAddress = address, Timeout = Patience };
        if (key is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>The key is <c>Ops:ApiKey</c> of the environment or of the folder's appsettings.json; on a command line everybody could read it.</summary>
    public static ShopClient Of(Arguments arguments)
    {
        var url = arguments.Option(Url) ?? UsualUrl;
        if (!Uri.TryCreate(url.EndsWith('/') ? url : $"{url}/", UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address is not { UserInfo: "", Query: "", Fragment: "" })
            throw new UsageException($"{Url} must look like {UsualUrl}.");
        var key = new ConfigurationBuilder().AddJsonFile(Path.GetFullPath("appsettings.json"), optional: true).AddEnvironmentVariables().Build()["Ops:ApiKey"]?.Trim();
        if (key?.Any(c => c is <= ' ' or >= '\x7f') == true)
            throw new CommandException("Ops:ApiKey is no key: it has visible characters only, without blanks.");
        return new(address, string.IsNullOrEmpty(key) ? null : key);
    }

    public Task<JsonElement> GetAsync(string path) => AskAsync(new HttpRequestMessage(HttpMethod.Get, path));

    public Task<JsonElement> PostAsync(string path, object? body = null) => AskAsync(new HttpRequestMessage(HttpMethod.Post, path)
    {
        Content = body is null ? null : new StringContent(JsonSerializer.Serialize(body, JsonSerializerOptions.Web), Encoding.UTF8, "application/json"),
    });

    public void Dispose() => http.Dispose();

    private async Task<JsonElement> AskAsync(HttpRequestMessage request)
    {
        using (request)
        {
            try
            {
                using var response = await http.SendAsync(request);
                var body = await response.Content.ReadAsStringAsync();
                if (response.Content.Headers.ContentType?.MediaType is not ("application/json" or "application/problem+json"))
                    throw NoShop(response.StatusCode);
                var said = JsonElement.Parse(body);
                return response.IsSuccessStatusCode ? said : throw Refused(response.StatusCode, said);
            }
            catch (HttpRequestException e)
            {
                throw new CommandException($"No shop answers at {http.BaseAddress} ({e.HttpRequestError}): start it, or say with {Url} where it is.");
            }
            catch (TaskCanceledException)
            {
                throw new CommandException($"The shop at {http.BaseAddress} did not answer within {Patience.TotalSeconds} s: see what it logs.");
            }
            catch (JsonException)
            {
                throw NoShop(null);
            }
        }
    }

    private CommandException NoShop(HttpStatusCode? status) =>
        new($"What answers at {http.BaseAddress} is no shop, or none that shows its operators' face{(status is { } code ? $" ({(int)code})" : "")}: say with {Url} where it is.");

    // The problem that it answered, as a sentence.
    private static CommandException Refused(HttpStatusCode status, JsonElement problem)
    {
        var errors = problem.TryGetProperty("errors", out var fields) && fields.ValueKind == JsonValueKind.Object
            ? string.Join(" ", fields.EnumerateObject().Select(f => $"{f.Name}: {string.Join(" ", f.Value.EnumerateArray().Select(e => e.GetString()))}"))
            : problem.Text("detail");
        return new($"{problem.Text("title")} {errors}{(status == HttpStatusCode.Unauthorized ? " For this program: put the key into the environment, as Ops__ApiKey." : "")}".Trim());
    }
}
