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
        "embedded" => await EmbeddedPlace.MakeAsync(),
        "servers" => await ServersPlace.MakeAsync(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    public abstract Task<string> ConnectionStringAsync();

    public virtual async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(await ConnectionStringAsync());
        await connection.OpenAsync();
        return connection;
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task<IReadOnlyList<T>> RowsAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
            rows.Add(read(reader));
        return rows;
    }

    public virtual ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>Nothing configured.</summary>
internal sealed class EmbeddedPlace : Place
{
    public override IReadOnlyList<string> Arguments => [];

    /// <summary>One where the program has made its server and its schemas before.</summary>
    public static async Task<EmbeddedPlace> MakeAsync()
    {
        var place = new EmbeddedPlace();
        await Begun.CopyFolderAsync(place.Folder);
        return place;
    }

    public override async Task<string> ConnectionStringAsync()
    {
        // As an operator would find it: the port in the server's own note, the password beside the data.
        var root = Path.Combine(Folder, ".ordersaga");
        var port = (await File.ReadAllLinesAsync(Path.Combine(root, "postgres", "data", "postmaster.pid")))[3];
        var password = (await File.ReadAllTextAsync(Path.Combine(root, "password"))).Trim();
        return $"Host=127.0.0.1;Port={port};Database=ordersaga;Username=ordersaga;Password={password};Pooling=false";
    }
}

/// <summary>A database on the tests' PostgreSQL and a virtual host on their RabbitMQ.</summary>
internal sealed class ServersPlace(TestDatabase database, TestBroker broker) : Place
{
    public TestBroker Broker => broker;

    public string ConnectionString => database.ConnectionString;

    public string DatabaseName => new NpgsqlConnectionStringBuilder(ConnectionString).Database!;

    public override IReadOnlyList<string> Arguments =>
    [
        "--Database:Provider", "Postgres", "--Database:ConnectionString", database.ConnectionString + ";Maximum Pool Size=60",
        "--Transport:Kind", "RabbitMq", "--Transport:Uri", broker.Uri.ToString(), .. More,
    ];

    /// <summary>Further arguments of the program.</summary>
    public IReadOnlyList<string> More { get; init; } = [];

    /// <summary>One where the program has made its schemas before.</summary>
    public static async Task<ServersPlace> MakeAsync(params string[] more) => new(await Begun.CopyDatabaseAsync(), await TestBroker.CreateAsync()) { More = more };

    /// <summary>One where no program was before.</summary>
    public static async Task<ServersPlace> EmptyAsync(params string[] more) => new(await TestDatabase.CreateAsync(), await TestBroker.CreateAsync()) { More = more };

    public override Task<string> ConnectionStringAsync() => Task.FromResult(database.ConnectionString);

    public override async Task<NpgsqlConnection> OpenAsync() => await database.Source.OpenConnectionAsync();

    /// <summary>A wire of its own to the database.</summary>
    public Wire WireToDatabase(Wire.State begins = Wire.State.Mended) =>
        new(new NpgsqlConnectionStringBuilder(ConnectionString).Host!, new NpgsqlConnectionStringBuilder(ConnectionString).Port, begins);

    /// <summary>A wire of its own to the broker.</summary>
    public Wire WireToBroker(Wire.State begins = Wire.State.Mended) => new(broker.Uri.Host, broker.Uri.Port, begins);

    /// <summary>Arguments of a program that is connected by these wires.</summary>
    public string[] Through(Wire? database = null, Wire? broker = null) =>
    [
        .. database is null ? [] : (string[])["--Database:ConnectionString", new NpgsqlConnectionStringBuilder(ConnectionString) { Host = "127.0.0.1", Port = database.Port, MaxPoolSize = 60 }.ConnectionString],
        .. broker is null ? [] : (string[])["--Transport:Uri", new UriBuilder(Broker.Uri) { Host = "127.0.0.1", Port = broker.Port }.Uri.ToString()],
    ];

    public Task DatabaseIsAwayAsync(bool away) => database.IsAwayAsync(away);

    /// <summary>Publishes plain JSON to an exchange, as a program in any language would.</summary>
    public Task PublishAsync(string exchange, object body, string? contract) => broker.PublishAsync(exchange, JsonSerializer.Serialize(body, JsonSerializerOptions.Web),
        contract is null ? new Dictionary<string, string>() : new() { ["MT-MessageType"] = $"urn:message:OrderSaga.Contracts:{contract}" });

    public override async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        await database.DisposeAsync();
        await base.DisposeAsync();
    }
}
