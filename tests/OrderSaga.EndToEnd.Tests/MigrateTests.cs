using Microsoft.EntityFrameworkCore;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.EndToEnd.Tests;

public class When_a_model_has_changed
{
    public static TheoryData<string> Names => Contexts.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Should_have_a_migration_for_PostgreSQL(string name) => HasOne(name, Database.Postgres("Host=nowhere;Database=none"));

    [Theory]
    [MemberData(nameof(Names))]
    public void Should_have_a_migration_for_SQL_Server(string name) => HasOne(name, Database.SqlServer("Server=nowhere;Database=none"));

    private static void HasOne(string name, Database database)
    {
        using var db = Contexts.Open(name, database);
        Assert.NotEmpty(db.Database.GetMigrations());
        Assert.False(db.Database.HasPendingModelChanges(), $"The model of {name} has changed: dotnet run --project tools/AddMigration -- <Name>");
    }
}

public sealed class When_migrate_is_run : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ordersaga-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Should_make_every_schema_and_find_it_current_the_next_time()
    {
        await using var database = await TestDatabase.CreateAsync();
        var first = await RunAsync(database);
        Assert.Equal((0, ""), (first.ExitCode, first.Error));
        Assert.Equal(Contexts.All.Count, Lines(first.Output).Count(l => l.Contains(": made (", StringComparison.Ordinal)));
        var second = await RunAsync(database);
        Assert.Equal((0, ""), (second.ExitCode, second.Error));
        Assert.Equal(Contexts.All.Select(c => $"{Contexts.SchemaOf(c.Name)}: current").Order(), Lines(second.Output).Order());
        Assert.Equal("5 5", await ReadAsync(database, "SELECT (SELECT count(*) FROM inventory.stock) || ' ' || (SELECT count(*) FROM pricing.prices)"));
    }

    [Fact]
    public async Task Should_do_it_once_when_it_is_run_twice_at_once()
    {
        await using var database = await TestDatabase.CreateAsync();
        var both = await Task.WhenAll(RunAsync(database), RunAsync(database));
        Assert.All(both, one => Assert.Equal((0, ""), (one.ExitCode, one.Error)));
        Assert.Equal(Contexts.All.Count, both.Sum(one => Lines(one.Output).Count(l => l.Contains(": made (", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Should_touch_only_the_schemas_of_its_roles()
    {
        await using var database = await TestDatabase.CreateAsync();
        var run = await RunAsync(database, "--roles", "inventory,payment");
        Assert.Equal(["gateway", "inventory", "ops", "payment"], Lines(run.Output).Select(l => l.Split(':')[0]).Order());
        Assert.Equal("gateway,inventory,ops,payment", await ReadAsync(database, "SELECT string_agg(DISTINCT table_schema, ',') FROM information_schema.tables WHERE table_name = 'migrations_history'"));
    }

    [Theory]
    [InlineData("inventory")]
    [InlineData("payment", "--Payment:GatewayUrl", "https://payments.example.org")]
    public async Task Should_leave_the_simulator_out_where_it_is_not_hosted(string role, params string[] more)
    {
        await using var database = await TestDatabase.CreateAsync();
        var run = await RunAsync(database, ["--roles", role, .. more]);
        Assert.Equal(new[] { "ops", role }.Order(), Lines(run.Output).Select(l => l.Split(':')[0]).Order());
    }

    [Fact]
    public async Task Should_print_a_script_that_does_the_same_and_can_be_run_again()
    {
        await using var migrated = await TestDatabase.CreateAsync();
        await using var scripted = await TestDatabase.CreateAsync();
        Assert.Equal(0, (await RunAsync(migrated)).ExitCode);
        var script = await Command.RunAsync(folder, ["migrate", "--script", "--Database:Provider", "Postgres"], Ct);
        Assert.Equal((0, ""), (script.ExitCode, script.Error));
        for (var times = 1; times <= 2; times++)
        {
            await using var command = scripted.Source.CreateCommand(script.Output);
            await command.ExecuteNonQueryAsync(Ct);
            Assert.Equal(await ColumnsAsync(migrated), await ColumnsAsync(scripted));
        }

        // The first rows are not in the script: the program puts them in where it finds none.
        Assert.All(Lines((await RunAsync(scripted)).Output), line => Assert.EndsWith(": current", line, StringComparison.Ordinal));
        Assert.Equal("5", await ReadAsync(scripted, "SELECT count(*)::text FROM inventory.stock"));
    }

    [Fact]
    public async Task Should_bring_up_the_embedded_server_for_it_and_stop_it_again()
    {
        var run = await Command.RunAsync(folder, ["migrate"], Ct);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("checkout: made (", run.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(folder, ".ordersaga", "postgres", "data", "postmaster.pid")), "The database was left running.");
    }

    [Theory]
    [InlineData("Postgres", "Host=127.0.0.1;Port=1;Database=d;Username=u;Password=secret", "127.0.0.1:1")]
    [InlineData("SqlServer", "Server=127.0.0.1,1;Database=d;User Id=u;Password=secret;ConnectRetryCount=0", "establishing a connection to SQL Server")]
    public async Task Should_say_that_the_server_is_not_there(string provider, string connection, string says)
    {
        var run = await Command.RunAsync(folder, ["migrate", "--Database:Provider", provider, "--Database:ConnectionString", connection], Ct);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_that_SQL_Server_needs_cultures()
    {
        string[] arguments = ["migrate", "--Database:Provider", "SqlServer", "--Database:ConnectionString", "Server=s;Database=d"];
        var run = await Command.RunAsync(folder, arguments, Ct, ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1"));
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", run.Error, StringComparison.Ordinal);
    }

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private Task<Command> RunAsync(TestDatabase database, params string[] more) =>
        Command.RunAsync(folder, ["migrate", "--Database:Provider", "Postgres", "--Database:ConnectionString", database.ConnectionString, .. more], Ct);

    private static Task<string> ColumnsAsync(TestDatabase database) => ReadAsync(database,
        """
        SELECT string_agg(concat_ws(' ', table_schema, table_name, ordinal_position, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, column_default), chr(10)
            ORDER BY table_schema, table_name, ordinal_position)
        FROM information_schema.columns WHERE table_schema NOT IN ('information_schema', 'pg_catalog')
        """);

    private static async Task<string> ReadAsync(TestDatabase database, string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        return (string)(await command.ExecuteScalarAsync(Ct))!;
    }
}
