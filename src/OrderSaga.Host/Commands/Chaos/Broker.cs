using System.Text.Json;
using OrderSaga.Host.Commands.Load;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>What an operator can break on a virtual host of RabbitMQ. A queue of its own hears all endings along, to count them.</summary>
internal sealed class Broker(RabbitManagement management) : IDisposable
{
    private const string Ears = "ordersaga-chaos-ears";
    private const int MostAtOnce = 10_000;
    private static readonly string[] Endings = ["checkout-completed", "checkout-compensated", "checkout-failed", "checkout-repaired"];

    private readonly Dictionary<Guid, (Guid Order, string Ending)> heard = [];

    /// <summary>Whether anybody is connected to it.</summary>
    public async Task<bool> IsUsedAsync(CancellationToken ct) => (await ListAsync($"vhosts/{management.VirtualHost}/connections", ct)).Count > 0;

    /// <summary>Hears all endings from now on.</summary>
    public async Task ListenAsync(CancellationToken ct)
    {
        await DoAsync(HttpMethod.Put, $"queues/{management.VirtualHost}/{Ears}", new { durable = true }, ct);
        await PurgeAsync(Ears, ct);
        foreach (var ending in Endings)
        {
            // Else it would be there only from its first ending on.
            await DoAsync(HttpMethod.Put, $"exchanges/{management.VirtualHost}/{ending}", new { type = "fanout", durable = true }, ct);
            await DoAsync(HttpMethod.Post, $"bindings/{management.VirtualHost}/e/{ending}/q/{Ears}", new { routing_key = "" }, ct);
        }
    }

    /// <summary>Every ending that was published so far, by order: the same message counts once, however often it was sent.</summary>
    public async Task<ILookup<Guid, string>> EndingsAsync(CancellationToken ct)
    {
        for (var more = true; more;)
        {
            var got = await management.AskAsync(HttpMethod.Post, $"queues/{management.VirtualHost}/{Ears}/get", new { count = MostAtOnce, ackmode = "ack_requeue_false", encoding = "auto" }, ct);
            more = got is { ValueKind: JsonValueKind.Array } && got.GetArrayLength() > 0;
            foreach (var message in more ? got.EnumerateArray().ToList() : [])
            {
                var envelope = JsonElement.Parse(message.GetProperty("payload").GetString()!);
                heard[envelope.GetProperty("messageId").GetGuid()] = (envelope.GetProperty("message").GetProperty("orderId").GetGuid(), message.GetProperty("exchange").GetString()!);
            }
        }

        return heard.Values.ToLookup(h => h.Order, h => h.Ending);
    }

    /// <summary>The queues of the shop.</summary>
    public async Task<IReadOnlyList<string>> QueuesAsync(CancellationToken ct) =>
        [.. (await ListAsync($"queues/{management.VirtualHost}", ct)).Select(q => q.Text("name")).Where(q => q != Ears).Order(StringComparer.Ordinal)];

    public Task DeleteAsync(string queue, CancellationToken ct) => DoAsync(HttpMethod.Delete, $"queues/{management.VirtualHost}/{Uri.EscapeDataString(queue)}", null, ct);

    public Task PurgeAsync(string queue, CancellationToken ct) => DoAsync(HttpMethod.Delete, $"queues/{management.VirtualHost}/{Uri.EscapeDataString(queue)}/contents", null, ct);

    public async Task CloseConnectionsAsync(CancellationToken ct)
    {
        foreach (var connection in await ListAsync($"vhosts/{management.VirtualHost}/connections", ct))
            await DoAsync(HttpMethod.Delete, $"connections/{Uri.EscapeDataString(connection.Text("name"))}", null, ct);
    }

    /// <summary>Takes its ears away.</summary>
    public Task LeaveAsync(CancellationToken ct) => DeleteAsync(Ears, ct);

    public void Dispose() => management.Dispose();

    private async Task<IReadOnlyList<JsonElement>> ListAsync(string what, CancellationToken ct) =>
        await management.GetAsync(what, ct) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()] : [];

    private Task<JsonElement> DoAsync(HttpMethod method, string path, object? body, CancellationToken ct) => management.AskAsync(method, path, body, ct);
}
