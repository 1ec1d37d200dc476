using Microsoft.Data.SqlClient;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>A kind of database server that the kits run on: each kit has one subclass line per kind.</summary>
public abstract class TestServer
{
    public static TestServer Postgres { get; } = new PostgresServer();

    public static TestServer SqlServer { get; } = new SqlServerServer();

    /// <summary>Why there is no such server; none if there is one.</summary>
    public virtual string? WhyNot => null;

    /// <summary>A database of its own, dropped at the end; the test is skipped where there is no server.</summary>
    internal abstract Task<KitDatabase> CreateAsync();

    private sealed class PostgresServer : TestServer
    {
        internal override async Task<KitDatabase> CreateAsync()
        {
            var database = await TestDatabase.CreateAsync();
            return new KitDatabase("postgres", database.ConnectionString, database.IsAwayAsync, database.DisposeAsync);
        }
    }

    private sealed class SqlServerServer : TestServer
    {
        private const string Variable = "ORDERSAGA_TEST_SQLSERVER";

        public override string? WhyNot => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)) ? $"SQL Server: {Variable} holds no connection string." : null;

        internal override async Task<KitDatabase> CreateAsync()
        {
            if (WhyNot is { } why)
                Assert.Skip(why);
            var server = Environment.GetEnvironmentVariable(Variable);
            var name = $"test_{Guid.NewGuid():N}";
            await OnServerAsync(server!, $"CREATE DATABASE {name}; ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT ON");
            return new KitDatabase(
                "sqlserver",
                new SqlConnectionStringBuilder(server) { InitialCatalog = name, MaxPoolSize = 16 }.ConnectionString,
                away => OnServerAsync(server!, $"ALTER DATABASE {name} SET {(away ? "OFFLINE WITH ROLLBACK IMMEDIATE" : "ONLINE")}"),
                async () => await OnServerAsync(server!, $"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE {name}"));
        }

        private static async Task OnServerAsync(string server, string sql)
        {
            await using var connection = new SqlConnection(server);
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
#pragma warning disable CA2100 // names and fixed words only
            command.CommandText = sql;
#pragma warning restore CA2100
            await command.ExecuteNonQueryAsync();
        }
    }
}

/// <summary>A database that a kit runs on.</summary>
internal sealed class KitDatabase(string kind, string connectionString, Func<bool, Task> isAway, Func<ValueTask> drop) : IAsyncDisposable
{
    /// <summary>Kind and connection string, as a worker process takes them.</summary>
    public IReadOnlyList<string> Arguments => [kind, connectionString];

    /// <summary>With a pool of its own, as every process has.</summary>
    public Database Connect() => Connect(kind, connectionString);

    public static Database Connect(string kind, string connectionString) => kind switch
    {
        "postgres" => Database.Postgres(connectionString),
        "sqlserver" => Database.SqlServer(connectionString),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The database refuses everyone, or lets them in again.</summary>
    public Task IsAwayAsync(bool away) => isAway(away);

    public ValueTask DisposeAsync() => drop();
}
