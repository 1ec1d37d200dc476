using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrderSaga.EndToEnd.Tests.Crashes;

/// <summary>
/// Does to one virtual host what goes wrong with brokers: queues are emptied or deleted, messages come twice or late.
/// Two queues of its own hear along: one keeps the last messages, to be sent again; the other all endings, to be counted.
/// </summary>
internal sealed class Saboteur : IDisposable
{
    private const string Tap = "tap", Ears = "ears";
    private const int Kept = 400;
    private static readonly string[] Endings = ["checkout-completed", "checkout-compensated", "checkout-failed", "checkout-repaired"];
    private readonly HttpClient management;
    private readonly string host;
    private readonly List<JsonObject> copies = [];

    public Saboteur(Uri broker)
    {
        host = broker.AbsolutePath.Trim('/');
        var at = new Uri(Environment.GetEnvironmentVariable("ORDERSAGA_TEST_RABBITMQ_MANAGEMENT")!);
        management = new HttpClient { BaseAddress = new UriBuilder(at) { UserName = "", Password = "" }.Uri };
        management.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(at.UserInfo)));
    }

    /// <summary>Hears along from now on, at every exchange of a contract.</summary>
    public async Task ListenAsync(CancellationToken ct)
    {
        foreach (var queue in new[] { Tap, Ears })
            await DoAsync(HttpMethod.Put, $"queues/{host}/{queue}", new { durable = true }, ct);
        var queues = await QueuesAsync(ct);
        var exchanges = (await ListAsync($"exchanges/{host}", ct)).Select(e => (string)e["name"]!).Where(e => e.Length > 0 && !e.StartsWith("amq.", StringComparison.Ordinal) && !queues.Contains(e));
        foreach (var exchange in exchanges)
            await BindAsync(exchange, 'q', Tap, ct);
        foreach (var ending in Endings)
        {
            // Else it would be there only from its first ending on.
            await DoAsync(HttpMethod.Put, $"exchanges/{host}/{ending}", new { type = "fanout", durable = true }, ct);
            await BindAsync(ending, 'q', Ears, ct);
        }
    }

    /// <summary>The queues of the shop.</summary>
    public async Task<IReadOnlyList<string>> QueuesAsync(CancellationToken ct) =>
        [.. (await ListAsync($"queues/{host}", ct)).Select(q => (string)q["name"]!).Where(q => q is not (Tap or Ears)).Order(StringComparer.Ordinal)];

    public Task DeleteAsync(string queue, CancellationToken ct) => DoAsync(HttpMethod.Delete, $"queues/{host}/{queue}", null, ct);

    public Task PurgeAsync(string queue, CancellationToken ct) => DoAsync(HttpMethod.Delete, $"queues/{host}/{queue}/contents", null, ct);

    /// <summary>The last messages once more, in another order; every second one under an id of its own.</summary>
    public async Task RepeatAsync(int most, Random dice, CancellationToken ct)
    {
        await HearAsync(ct);
        await SendAsync(copies.TakeLast(most), dice, changed: true, ct);
    }

    /// <summary>What is sent to a queue meanwhile does not come there; after that all of it comes, in another order.</summary>
    public async Task HoldAsync(string queue, TimeSpan lasts, Random dice, CancellationToken ct)
    {
        await HearAsync(ct);
        copies.Clear();
        var bindings = (await ListAsync($"bindings/{host}", ct)).Where(b => (string)b["destination"]! == queue && (string)b["source"]! is not "" and var source && source != queue).ToList();
        foreach (var binding in bindings)
            await DoAsync(HttpMethod.Delete, $"bindings/{host}/e/{binding["source"]}/{Kind(binding)}/{queue}/{binding["properties_key"]}", null, ct);
        await Task.Delay(lasts, ct);
        foreach (var binding in bindings)
            await BindAsync((string)binding["source"]!, Kind(binding), queue, ct);
        await HearAsync(ct);
        var sources = bindings.Select(b => (string)b["source"]!).ToHashSet();
        await SendAsync(copies.Where(c => sources.Contains((string)c["exchange"]!)), dice, changed: false, ct);
    }

    /// <summary>Every ending that was published: of which order, which, and the message's id.</summary>
    public async Task<IReadOnlyList<(Guid Order, string Ending, string Message)>> EndingsAsync(CancellationToken ct) =>
        [.. (await TakeAsync(Ears, 100_000, ct)).Select(m => (m, body: JsonNode.Parse((string)m["payload"]!)!))
            .Select(x => (x.body["message"]!["orderId"]!.GetValue<Guid>(), (string)x.m["exchange"]!, (string)x.body["messageId"]!)).Distinct()];

    /// <summary>Takes over what was heard; to be called now and then.</summary>
    public async Task HearAsync(CancellationToken ct)
    {
        copies.AddRange(await TakeAsync(Tap, 2000, ct));
        copies.RemoveRange(0, Math.Max(0, copies.Count - Kept));
    }

    public void Dispose() => management.Dispose();

    private async Task SendAsync(IEnumerable<JsonObject> messages, Random dice, bool changed, CancellationToken ct)
    {
        var shuffled = messages.ToArray();
        dice.Shuffle(shuffled);
        foreach (var (message, n) in shuffled.Select((m, n) => (m, n)))
        {
            var payload = (string)message["payload"]!;
            if (changed && n % 2 == 0 && !Endings.Contains((string)message["exchange"]!))
            {
                var envelope = JsonNode.Parse(payload)!;
                envelope["messageId"] = Guid.NewGuid();
                payload = envelope.ToJsonString();
            }

            await DoAsync(HttpMethod.Post, $"exchanges/{host}/{message["exchange"]}/publish",
                new { properties = message["properties"], routing_key = "", payload, payload_encoding = message["payload_encoding"] }, ct);
        }
    }

    private async Task<JsonObject[]> TakeAsync(string queue, int most, CancellationToken ct)
    {
        using var response = await management.PostAsJsonAsync(At($"queues/{host}/{queue}/get"), new { count = most, ackmode = "ack_requeue_false", encoding = "auto" }, ct);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonObject[]>(ct))!;
    }

    private Task BindAsync(string exchange, char kind, string destination, CancellationToken ct) =>
        DoAsync(HttpMethod.Post, $"bindings/{host}/e/{exchange}/{kind}/{destination}", new { routing_key = "" }, ct);

    private static char Kind(JsonObject binding) => ((string)binding["destination_type"]!)[0];

    private async Task<JsonObject[]> ListAsync(string what, CancellationToken ct) => (await management.GetFromJsonAsync<JsonObject[]>(At(what), ct))!;

    // What is not there any more, or not yet again, cannot be broken.
    private async Task DoAsync(HttpMethod method, string path, object? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, At(path)) { Content = body is null ? null : JsonContent.Create(body, options: new JsonSerializerOptions()) };
        using var response = await management.SendAsync(request, ct);
        if ((int)response.StatusCode is not (404 or 405))
            response.EnsureSuccessStatusCode();
    }

    private static Uri At(string path) => new($"api/{path}", UriKind.Relative);
}
