using Microsoft.Data.SqlClient;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>The kind of server that a kit runs on: a kit is an abstract class with one subclass line per kind.</summary>
public abstract class TestServer
{
    public static TestServer Postgres { get; } = new PostgresServer();

    /// <summary>Where none is named, its tests say so and are skipped.</summary>
    public static TestServer SqlServer { get; } = new SqlServerServer();

    /// <summary>Its name, as a process of the tests is told it.</summary>
    public abstract string Kind { get; }

    /// <summary>Why there is no such server; none if there is one.</summary>
    public virtual string? WhyNot => null;

    public static TestServer Of(string kind) => kind == Postgres.Kind ? Postgres : SqlServer;

    /// <summary>Points a process at a database of this server that exists already.</summary>
    public abstract Database At(string connectionString);

    public abstract Task<ServerDatabase> CreateAsync();

    private sealed class PostgresServer : TestServer
    {
        public override string Kind => "postgres";

        public override Database At(string connectionString) => Database.Postgres(connectionString);

        public override async Task<ServerDatabase> CreateAsync() => new PostgresDatabase(this, await TestDatabase.CreateAsync());
    }

    private sealed class SqlServerServer : TestServer
    {
        private const string Variable = "ORDERSAGA_TEST_SQLSERVER";

        public override string Kind => "sqlserver";

        public override string? WhyNot => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)) ? $"SQL Server: {Variable} holds no connection string." : null;

        public override Database At(string connectionString) => Database.SqlServer(connectionString);

        public override async Task<ServerDatabase> CreateAsync()
        {
            if (WhyNot is { } why)
                Assert.Skip(why);
            var server = Environment.GetEnvironmentVariable(Variable)!;
            var name = $"test_{Guid.NewGuid():N}";
            var database = new SqlServerDatabase(this, server, name);
            await database.OnServerAsync($"CREATE DATABASE [{name}]");
            await database.OnServerAsync($"ALTER DATABASE [{name}] SET READ_COMMITTED_SNAPSHOT ON");
            return database;
        }
    }

    private sealed class PostgresDatabase(TestServer server, TestDatabase database) : ServerDatabase(server, database.ConnectionString)
    {
        public override Task IsAwayAsync(bool away) => database.IsAwayAsync(away);

        public override async Task<object?> AskAsync(string sql)
        {
            await using var command = database.Source.CreateCommand(sql);
            return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        }

        public override ValueTask DisposeAsync() => database.DisposeAsync();
    }

    private sealed class SqlServerDatabase(TestServer server, string address, string name)
        : ServerDatabase(server, new SqlConnectionStringBuilder(address) { InitialCatalog = name }.ConnectionString)
    {
        public override Task IsAwayAsync(bool away) => OnServerAsync($"ALTER DATABASE [{name}] SET {(away ? "OFFLINE WITH ROLLBACK IMMEDIATE" : "ONLINE")}");

        public override Task<object?> AskAsync(string sql) => AskAsync(ConnectionString, sql);

        public Task<object?> OnServerAsync(string sql) => AskAsync(address, sql);

        public override async ValueTask DisposeAsync()
        {
            await OnServerAsync($"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE");
            await OnServerAsync($"DROP DATABASE [{name}]");
        }

        private static async Task<object?> AskAsync(string connectionString, string sql)
        {
            await using var connection = new SqlConnection(new SqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            return await command.ExecuteScalarAsync();
        }
    }
}

/// <summary>A database of its own, dropped at the end.</summary>
public abstract class ServerDatabase(TestServer server, string connectionString) : IAsyncDisposable
{
    public TestServer Server { get; } = server;

    public string ConnectionString { get; } = connectionString;

    /// <summary>Kind and address, as a process of the tests is told them.</summary>
    public IReadOnlyList<string> Arguments => [Server.Kind, ConnectionString];

    /// <summary>With a pool of its own, as every process has.</summary>
    public Database Connect() => Server.At(ConnectionString);

    /// <summary>The database refuses everyone, or lets them in again.</summary>
    public abstract Task IsAwayAsync(bool away);

    /// <summary>Looks from outside: one statement, and the first value of its answer.</summary>
    public abstract Task<object?> AskAsync(string sql);

    public async Task<int> CountAsync(string what) =>
        Convert.ToInt32(await AskAsync($"SELECT COUNT(*) FROM {what}"), System.Globalization.CultureInfo.InvariantCulture);

    public abstract ValueTask DisposeAsync();
}
