using Npgsql;

namespace OrderSaga.Tests;

/// <summary>A PostgreSQL database of its own, dropped at the end.</summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    private const string Variable = "ORDERSAGA_TEST_POSTGRES";
    private readonly string server;
    private readonly string name;

    private TestDatabase(string server, string name)
    {
        this.server = server;
        this.name = name;
        // Small pools: many test classes share one server.
        ConnectionString = new NpgsqlConnectionStringBuilder(server) { Database = name, MaxPoolSize = 16, IncludeErrorDetail = true }.ConnectionString;
        Source = NpgsqlDataSource.Create(ConnectionString);
    }

    public string ConnectionString { get; }

    /// <summary>For looking at the tables from outside.</summary>
    public NpgsqlDataSource Source { get; }

    /// <param name="like">Another one, to which nobody is connected, and which this one begins as a copy of.</param>
    public static async Task<TestDatabase> CreateAsync(TestDatabase? like = null)
    {
        var server = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(server))
            throw new InvalidOperationException($"{Variable} names no PostgreSQL server: run bash tests/run.sh");
        var database = new TestDatabase(server, $"test_{Guid.NewGuid():N}");
        await database.OnServerAsync($"CREATE DATABASE {database.name} TEMPLATE {like?.name ?? "template0"}");
        return database;
    }

    /// <summary>The database refuses everyone, or lets them in again.</summary>
    public async Task IsAwayAsync(bool away)
    {
        await OnServerAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS {(away ? "false" : "true")}");
        if (away)
            await OnServerAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    }

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await OnServerAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    }

    private async Task OnServerAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
