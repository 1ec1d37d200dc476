using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests.Databases;

public class When_hosts_start_on_a_schema
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_make_and_fill_it_once_however_many_start_at_once()
    {
        await using var database = await TestDatabase.CreateAsync();
        var lines = new Lines();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => StartAsync(database.ConnectionString, lines), Ct)));
        Assert.Equal(["Information: Made the schema shelf"], lines.Seen);
        Assert.Equal("first 1", await ReadAsync(database, "SELECT title || ' ' || pages FROM shelf.books"));
        Assert.Equal("20260101000000_Books,20260102000000_Pages", await ReadAsync(database, """SELECT string_agg("MigrationId", ',' ORDER BY 1) FROM shelf.migrations_history"""));
    }

    [Fact]
    public async Task Should_leave_nothing_behind_when_one_breaks_off_and_make_all_of_it_at_the_next_start()
    {
        await using var database = await TestDatabase.CreateAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => StartAsync(database.ConnectionString, new Lines(), (_, _) => throw new OperationCanceledException("The process ends here.")));
        Assert.Equal("0", await ReadAsync(database, "SELECT count(*)::text FROM information_schema.tables WHERE table_schema = 'shelf'"));
        await StartAsync(database.ConnectionString, new Lines());
        Assert.Equal("first 1", await ReadAsync(database, "SELECT title || ' ' || pages FROM shelf.books"));
    }

    [Fact]
    public async Task Should_fill_what_a_script_made_and_put_nothing_to_what_is_there()
    {
        await using var database = await TestDatabase.CreateAsync();
        using (var host = Build(database.ConnectionString, new Lines()))
            await ExecuteAsync(database, host.Services.GetServices<Schema>().Single().Script());
        await StartAsync(database.ConnectionString, new Lines());
        Assert.Equal("first", await ReadAsync(database, "SELECT string_agg(title, ',') FROM shelf.books"));
        await ExecuteAsync(database, "UPDATE shelf.books SET title = 'other'");
        await StartAsync(database.ConnectionString, new Lines());
        Assert.Equal("other", await ReadAsync(database, "SELECT string_agg(title, ',') FROM shelf.books"));
    }

    [Fact]
    public async Task Should_apply_what_is_missing_and_keep_what_is_there()
    {
        await using var database = await TestDatabase.CreateAsync();
        using (var host = Build(database.ConnectionString, new Lines()))
        using (var scope = host.Services.CreateScope())
            await scope.ServiceProvider.GetRequiredService<ShelfDb>().GetService<IMigrator>().MigrateAsync("20260101000000_Books", Ct);
        await ExecuteAsync(database, "INSERT INTO shelf.books VALUES ('old')");
        var lines = new Lines();
        await StartAsync(database.ConnectionString, lines);
        Assert.Equal(["Information: Changed the schema shelf: 20260102000000_Pages"], lines.Seen);
        Assert.Equal("old 0", await ReadAsync(database, "SELECT title || ' ' || pages FROM shelf.books"));
    }

    [Fact]
    public async Task Should_stop_at_tables_that_have_no_history()
    {
        await using var database = await TestDatabase.CreateAsync();
        await ExecuteAsync(database, "CREATE SCHEMA shelf; CREATE TABLE shelf.books (title text)");
        var error = await Assert.ThrowsAsync<SchemaException>(() => StartAsync(database.ConnectionString, new Lines()));
        Assert.Contains("The schema shelf has tables but no history", error.Message, StringComparison.Ordinal);
        Assert.Equal("books", await ReadAsync(database, "SELECT string_agg(table_name, ',') FROM information_schema.tables WHERE table_schema = 'shelf'"));
    }

    [Fact]
    public async Task Should_not_mind_the_tables_of_others_in_its_schema()
    {
        await using var database = await TestDatabase.CreateAsync();
        await ExecuteAsync(database, "CREATE SCHEMA shelf; CREATE TABLE shelf.triggers (id int)");
        await StartAsync(database.ConnectionString, new Lines());
        Assert.Equal("first 1", await ReadAsync(database, "SELECT title || ' ' || pages FROM shelf.books"));
    }

    [Fact]
    public async Task Should_warn_once_that_a_newer_version_has_changed_it()
    {
        await using var database = await TestDatabase.CreateAsync();
        await StartAsync(database.ConnectionString, new Lines());
        await ExecuteAsync(database, "INSERT INTO shelf.migrations_history VALUES ('20300101000000_Covers', '11.0.0')");
        var lines = new Lines();
        await StartAsync(database.ConnectionString, lines);
        Assert.Equal(["Warning: A newer version has changed the schema shelf (20300101000000_Covers); this one takes it as it is"], lines.Seen);
    }

    [Fact]
    public async Task Should_need_no_right_to_change_tables_when_nothing_is_missing()
    {
        await using var database = await TestDatabase.CreateAsync();
        await StartAsync(database.ConnectionString, new Lines());
        var role = $"reader_{Guid.NewGuid():N}";
        await ExecuteAsync(database, $"CREATE ROLE {role} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA shelf TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA shelf TO {role}");
        try
        {
            await StartAsync(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = role, Password = "secret", Pooling = false }.ConnectionString, new Lines());
        }
        finally
        {
            await ExecuteAsync(database, $"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task Should_say_that_there_is_no_database()
    {
        await using var database = await TestDatabase.CreateAsync();
        var nowhere = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Database = "no_such_database" }.ConnectionString;
        var error = await Assert.ThrowsAsync<SchemaException>(() => StartAsync(nowhere, new Lines()));
        Assert.Contains("no database for the schema shelf", error.Message, StringComparison.Ordinal);
    }

    private static IHost Build(string connection, Lines lines, Func<ShelfDb, CancellationToken, Task>? seed = null)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(lines);
        builder.Services.AddDatabase(Database.Postgres(connection), seed ?? ShelfDb.SeedAsync);
        return builder.Build();
    }

    private static async Task StartAsync(string connection, Lines lines, Func<ShelfDb, CancellationToken, Task>? seed = null)
    {
        using var host = Build(connection, lines, seed);
        await host.StartAsync(Ct);
        await host.StopAsync(Ct);
    }

    private static async Task<string> ReadAsync(TestDatabase database, string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        return (string)(await command.ExecuteScalarAsync(Ct))!;
    }

    private static async Task ExecuteAsync(TestDatabase database, string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Ct);
    }

    private sealed class Lines : ILoggerProvider
    {
        private readonly ConcurrentQueue<string> all = [];

        /// <summary>What an operator would see: EF is only heard when it warns.</summary>
        public IEnumerable<string> Seen => all;

        public ILogger CreateLogger(string categoryName) => new Pen(all, categoryName.StartsWith("Microsoft", StringComparison.Ordinal) ? LogLevel.Warning : LogLevel.Information);

        public void Dispose()
        {
        }

        private sealed class Pen(ConcurrentQueue<string> lines, LogLevel least) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull
                => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                if (IsEnabled(logLevel))
                    lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
            }
        }
    }
}
