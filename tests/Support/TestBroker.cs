using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace OrderSaga.Tests;

/// <summary>A virtual host of its own on the tests' RabbitMQ, gone at the end, and what an operator can do there.</summary>
internal sealed class TestBroker : IAsyncDisposable
{
    private readonly string name = $"t{Guid.NewGuid():n}";
    private readonly HttpClient management;

    private TestBroker()
    {
        Uri = new UriBuilder(Required("ORDERSAGA_TEST_RABBITMQ")) { Path = name }.Uri;
        var at = new Uri(Required("ORDERSAGA_TEST_RABBITMQ_MANAGEMENT"));
        management = new HttpClient { BaseAddress = new UriBuilder(at) { UserName = "", Password = "" }.Uri };
        management.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(at.UserInfo)));
    }

    /// <summary>With user and password, as a program is configured.</summary>
    public Uri Uri { get; }

    public static async Task<TestBroker> CreateAsync()
    {
        var broker = new TestBroker();
        (await broker.management.PutAsync(At($"api/vhosts/{broker.name}"), null)).EnsureSuccessStatusCode();
        var user = broker.Uri.UserInfo.Split(':')[0];
        (await broker.management.PutAsJsonAsync(At($"api/permissions/{broker.name}/{user}"), new { configure = ".*", write = ".*", read = ".*" })).EnsureSuccessStatusCode();
        return broker;
    }

    /// <summary>Stops and starts the broker, for all tests: only where no other test runs at the same time.</summary>
    public static async Task RestartAsync()
    {
        foreach (var command in new[] { "stop_app", "start_app" })
        {
            using var process = Process.Start(new ProcessStartInfo(Required("ORDERSAGA_TEST_RABBITMQCTL"), [command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var said = process.StandardError.ReadToEndAsync();
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"rabbitmqctl {command}: {await said}");
        }
    }

    /// <summary>A user of this virtual host alone, who is called like it; once more, and he has another password.</summary>
    public async Task UserAsync(string password)
    {
        (await management.PutAsJsonAsync(At($"api/users/{name}"), new { password, tags = "" })).EnsureSuccessStatusCode();
        (await management.PutAsJsonAsync(At($"api/permissions/{name}/{name}"), new { configure = ".*", write = ".*", read = ".*" })).EnsureSuccessStatusCode();
    }

    /// <summary>Publishes plain JSON to an exchange, as a program in any language would.</summary>
    public async Task PublishAsync(string exchange, string body, IReadOnlyDictionary<string, string> headers, Guid? messageId = null)
    {
        using var response = await management.PostAsJsonAsync(At($"api/exchanges/{name}/{exchange}/publish"), new
        {
            properties = new { content_type = "application/json", message_id = messageId ?? Guid.NewGuid(), headers },
            routing_key = "",
            payload = body,
            payload_encoding = "string",
        });
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Takes one message from a queue, as a program in any language would; none if there is none.</summary>
    public async Task<JsonElement?> TakeAsync(string queue)
    {
        using var response = await management.PostAsJsonAsync(At($"api/queues/{name}/{queue}/get"), new { count = 1, ackmode = "ack_requeue_false", encoding = "auto" });
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement[]>())! is [var message] ? message : null;
    }

    /// <summary>Name and arguments of every queue.</summary>
    public async Task<IReadOnlyDictionary<string, JsonElement>> QueuesAsync()
    {
        var queues = await management.GetFromJsonAsync<JsonElement[]>($"api/queues/{name}");
        return queues!.ToDictionary(q => q.GetProperty("name").GetString()!, q => q);
    }

    public async Task DeleteQueuesAsync()
    {
        foreach (var queue in (await QueuesAsync()).Keys)
            (await management.DeleteAsync(At($"api/queues/{name}/{System.Uri.EscapeDataString(queue)}"))).EnsureSuccessStatusCode();
    }

    /// <summary>Closes every connection, as an operator may.</summary>
    public async Task CloseConnectionsAsync()
    {
        var connections = await management.GetFromJsonAsync<JsonElement[]>("api/connections");
        foreach (var connection in connections!.Where(c => c.TryGetProperty("vhost", out var at) && at.GetString() == name))
            (await management.DeleteAsync(At($"api/connections/{System.Uri.EscapeDataString(connection.GetProperty("name").GetString()!)}"))).Dispose();
    }

    public async Task DeleteExchangeAsync(string exchange) => (await management.DeleteAsync(At($"api/exchanges/{name}/{exchange}"))).EnsureSuccessStatusCode();

    /// <summary>
    /// What is published to an exchange from now on reaches nobody but a queue of the test's own, until that is disposed of. Only where it was
    /// published to before: who does so for the first time binds it again.
    /// </summary>
    public async Task<Diversion> DivertAsync(string exchange)
    {
        var aside = $"aside-{exchange}";
        var bindings = (await management.GetFromJsonAsync<JsonElement[]>($"api/exchanges/{name}/{exchange}/bindings/source"))!;
        (await management.PutAsJsonAsync(At($"api/queues/{name}/{aside}"), new { durable = true })).EnsureSuccessStatusCode();
        (await management.PostAsJsonAsync(At($"api/bindings/{name}/e/{exchange}/q/{aside}"), new { })).EnsureSuccessStatusCode();
        var ways = bindings.Select(b => (Way: $"api/bindings/{name}/e/{exchange}/{(b.GetProperty("destination_type").GetString() == "queue" ? 'q' : 'e')}/{b.GetProperty("destination").GetString()}",
            Key: b.GetProperty("properties_key").GetString())).ToList();
        foreach (var (way, key) in ways)
            (await management.DeleteAsync(At($"{way}/{key}"))).EnsureSuccessStatusCode();
        return new(() => TakeAsync(aside), async () =>
        {
            foreach (var (way, _) in ways)
                (await management.PostAsJsonAsync(At(way), new { })).EnsureSuccessStatusCode();
            (await management.DeleteAsync(At($"api/queues/{name}/{aside}"))).EnsureSuccessStatusCode();
        });
    }

    /// <summary>Messages that are on the wrong way.</summary>
    internal sealed class Diversion(Func<Task<JsonElement?>> take, Func<Task> end) : IAsyncDisposable
    {
        /// <summary>Returns when one of an order came that way, and is gone.</summary>
        public async Task LostAsync(Guid order)
        {
            for (var i = 0; ; i++)
            {
                if (await take() is { } message && message.GetProperty("payload").GetString()!.Contains(order.ToString(), StringComparison.Ordinal))
                    return;
                if (i == 600)
                    throw new InvalidOperationException($"No message of {order} came that way.");
                await Task.Delay(50);
            }
        }

        public async ValueTask DisposeAsync() => await end();
    }

    public async Task<IReadOnlyList<string>> ExchangesAsync() =>
        [.. (await management.GetFromJsonAsync<JsonElement[]>($"api/exchanges/{name}"))!.Select(e => e.GetProperty("name").GetString()!)];

    /// <summary>What the connections are called, once there are so many; the management learns of them with some delay.</summary>
    public async Task<IReadOnlyList<string>> ConnectionsAsync(int many)
    {
        for (var i = 0; ; i++)
        {
            var connections = (await management.GetFromJsonAsync<JsonElement[]>("api/connections"))!.Where(c => c.TryGetProperty("vhost", out var at) && at.GetString() == name).ToList();
            if ((connections.Count == many && connections.TrueForAll(c => c.TryGetProperty("user_provided_name", out _))) || i == 100)
                return [.. connections.Select(c => c.GetProperty("user_provided_name").GetString()!)];
            await Task.Delay(100);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await management.DeleteAsync(At($"api/vhosts/{name}"));
        await management.DeleteAsync(At($"api/users/{name}"));
        management.Dispose();
    }

    private static Uri At(string path) => new(path, UriKind.Relative);

    private static string Required(string variable) =>
        Environment.GetEnvironmentVariable(variable) ?? throw new InvalidOperationException($"{variable} is not set: run bash tests/run.sh, which starts the servers.");
}
