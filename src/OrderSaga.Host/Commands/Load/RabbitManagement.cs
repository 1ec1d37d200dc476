using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace OrderSaga.Host.Commands.Load;

/// <summary>RabbitMQ's management, for one virtual host.</summary>
internal sealed class RabbitManagement : IDisposable
{
    /// <summary>The option that says where it is, and who may look.</summary>
    public const string Option = "--management";

    private const int UsualPort = 15672;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Uri at;
    private readonly HttpClient http;

    /// <param name="broker">The broker, with user, password and virtual host.</param>
    /// <param name="management">Where its management is, if not where it usually is.</param>
    public RabbitManagement(Uri broker, Uri? management)
    {
        at = management ?? new UriBuilder("http", broker.Host, UsualPort).Uri;
        VirtualHost = broker.AbsolutePath is { Length: > 1 } path ? path[1..] : "%2F";
        http = new(new SocketsHttpHandler { UseProxy = !at.IsLoopback }) { BaseAddress = new UriBuilder(at) { UserName = "", Password = "", Path = "/api/" }.Uri, Timeout = Patience };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(at.UserInfo.Length > 0 ? at.UserInfo : broker.UserInfo))));
    }

    /// <summary>As it stands in paths.</summary>
    public string VirtualHost { get; }

    public Task<JsonElement> GetAsync(string path, CancellationToken ct) => AskAsync(HttpMethod.Get, path, null, ct);

    /// <summary>What it answers; nothing, if that is nothing, or if what it is about is not there any more or not yet.</summary>
    /// <exception cref="CommandException">It does not answer, or not so.</exception>
    public async Task<JsonElement> AskAsync(HttpMethod method, string path, object? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = body is null ? null : JsonContent.Create(body, options: JsonSerializerOptions.Default) };
        try
        {
            using var response = await http.SendAsync(request, ct);
            if ((int)response.StatusCode is 404 or 405)
                return default;
            var said = response.IsSuccessStatusCode
                ? await response.Content.ReadAsStringAsync(ct)
                : throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"RabbitMQ's management at {at.Host}:{at.Port} answers {(int)response.StatusCode}; say with {Option} http://USER:PASSWORD@HOST:PORT who may look"));
            return said.Length == 0 ? default : JsonElement.Parse(said);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is HttpRequestException or TaskCanceledException or JsonException)
        {
            throw new CommandException($"RabbitMQ's management does not answer at {at.Host}:{at.Port}; say with {Option} where it is");
        }
    }

    public void Dispose() => http.Dispose();
}
