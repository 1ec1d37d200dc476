using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>Where a shop runs: a folder, a database and a transport of its own, gone with the test.</summary>
internal abstract class Place : IAsyncDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("ordersaga-").FullName;

    public abstract IReadOnlyList<string> Arguments { get; }

    public static async Task<Place> OfAsync(string kind) => kind switch
    {
        "embedded" => new EmbeddedPlace(),
        "servers" => await ServersPlace.MakeAsync(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    public abstract Task<NpgsqlConnection> OpenAsync();

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public virtual ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    protected static string Required(string variable) =>
        Environment.GetEnvironmentVariable(variable) ?? throw new InvalidOperationException($"{variable} is not set: run bash tests/run.sh, which starts the servers.");
}

/// <summary>Nothing configured.</summary>
internal sealed class EmbeddedPlace : Place
{
    public override IReadOnlyList<string> Arguments => [];

    public override async Task<NpgsqlConnection> OpenAsync()
    {
        // As an operator would find it: the port in the server's own note, the password beside the data.
        var root = Path.Combine(Folder, ".ordersaga");
        var port = (await File.ReadAllLinesAsync(Path.Combine(root, "postgres", "data", "postmaster.pid")))[3];
        var password = (await File.ReadAllTextAsync(Path.Combine(root, "password"))).Trim();
        var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={port};Database=ordersaga;Username=ordersaga;Password={password};Pooling=false");
        await connection.OpenAsync();
        return connection;
    }
}

/// <summary>A database on the tests' PostgreSQL and a virtual host on their RabbitMQ.</summary>
internal sealed class ServersPlace : Place
{
    private readonly TestDatabase database;
    private readonly string name = $"t{Guid.NewGuid():n}";
    private readonly Uri broker = new(Required("ORDERSAGA_TEST_RABBITMQ"));
    private readonly Uri management = new(Required("ORDERSAGA_TEST_RABBITMQ_MANAGEMENT"));

    private ServersPlace(TestDatabase database) => this.database = database;

    public override IReadOnlyList<string> Arguments =>
    [
        "--Database:Provider", "Postgres", "--Database:ConnectionString", database.ConnectionString + ";Maximum Pool Size=60",
        "--Transport:Kind", "RabbitMq", "--Transport:Uri", new UriBuilder(broker) { Path = name }.Uri.ToString(),
    ];

    public static async Task<ServersPlace> MakeAsync()
    {
        var place = new ServersPlace(await TestDatabase.CreateAsync());
        using var http = place.Management();
        (await http.PutAsync(new Uri($"api/vhosts/{place.name}", UriKind.Relative), null)).EnsureSuccessStatusCode();
        var user = place.broker.UserInfo.Split(':')[0];
        (await http.PutAsJsonAsync($"api/permissions/{place.name}/{user}", new { configure = ".*", write = ".*", read = ".*" })).EnsureSuccessStatusCode();
        return place;
    }

    public override async Task<NpgsqlConnection> OpenAsync()
    {
        return await database.Source.OpenConnectionAsync();
    }

    public Task DatabaseIsAwayAsync(bool away) => database.IsAwayAsync(away);

    /// <summary>Publishes plain JSON to an exchange, as a program in any language would.</summary>
    public async Task PublishAsync(string exchange, object body, string? contract)
    {
        using var http = Management();
        var headers = contract is null ? [] : new Dictionary<string, string> { ["MT-MessageType"] = $"urn:message:OrderSaga.Contracts:{contract}" };
        using var response = await http.PostAsJsonAsync($"api/exchanges/{name}/{exchange}/publish", new
        {
            properties = new { content_type = "application/json", message_id = Guid.NewGuid(), headers },
            routing_key = "",
            payload = JsonSerializer.Serialize(body, JsonSerializerOptions.Web),
            payload_encoding = "string",
        });
        response.EnsureSuccessStatusCode();
    }

    /// <summary>How many messages wait in a queue; none if there is no such queue.</summary>
    public async Task<int> WaitingInAsync(string queue)
    {
        using var http = Management();
        using var response = await http.PostAsJsonAsync($"api/queues/{name}/{queue}/get", new { count = 100, ackmode = "ack_requeue_true", encoding = "auto" });
        return response.IsSuccessStatusCode ? (await response.Content.ReadFromJsonAsync<JsonElement[]>())!.Length : 0;
    }

    /// <summary>Name and type of every queue.</summary>
    public async Task<IReadOnlyDictionary<string, string>> QueuesAsync()
    {
        using var http = Management();
        var queues = await http.GetFromJsonAsync<JsonElement[]>($"api/queues/{name}");
        return queues!.ToDictionary(q => q.GetProperty("name").GetString()!, q => q.GetProperty("type").GetString()!);
    }

    public async Task<IReadOnlyList<string>> ExchangesAsync()
    {
        using var http = Management();
        return [.. (await http.GetFromJsonAsync<JsonElement[]>($"api/exchanges/{name}"))!.Select(e => e.GetProperty("name").GetString()!)];
    }

    public HttpClient Management()
    {
        var http = new HttpClient { BaseAddress = new UriBuilder(management) { UserName = "", Password = "" }.Uri };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(management.UserInfo)));
        return http;
    }

    public override async ValueTask DisposeAsync()
    {
        using var http = Management();
        await http.DeleteAsync(new Uri($"api/vhosts/{name}", UriKind.Relative));
        await database.DisposeAsync();
        await base.DisposeAsync();
    }
}
