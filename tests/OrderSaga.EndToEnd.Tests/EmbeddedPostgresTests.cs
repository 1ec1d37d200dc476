using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OrderSaga.Host.Embedded;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>A folder with a private PostgreSQL in it; ends whatever the test left alive there, by process id.</summary>
public abstract class PrivatePostgres : IAsyncDisposable
{
    protected const string HoldVariable = "ORDERSAGA_TEST_HOLD";

    private readonly List<(int Id, string Area)> _servers = [];
    private readonly List<EmbeddedPostgres> _started = [];

    // Made when asked for: the host that is killed has no use for one and could not remove it.
    protected string Folder => field ??= Open(Directory.CreateTempSubdirectory("ordersaga-").FullName);

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected static bool Root => !OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess;

    internal string Data => Path.Combine(Folder, "postgres", "data");

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _started)
            await server.DisposeAsync();
        foreach (var (id, area) in _servers.Where(s => Postmaster.IsServer(s.Id, Path.Combine(s.Area, "data"))))
            Process.GetProcessById(id).Kill();
        foreach (var folder in _servers.Select(s => s.Area).Append(Folder).Where(Directory.Exists))
            Directory.Delete(folder, recursive: true);
        await DisposeMore();
        GC.SuppressFinalize(this);
    }

    protected virtual ValueTask DisposeMore() => ValueTask.CompletedTask;

    internal Task<EmbeddedPostgres> Start(string? folder = null, PostgresSource? source = null, Func<int>? ports = null) => Start(PostgresPrograms.Ways, folder, source, ports);

    internal async Task<EmbeddedPostgres> Start(IEnumerable<string> ways, string? folder = null, PostgresSource? source = null, Func<int>? ports = null)
    {
        var server = await EmbeddedPostgres.StartAsync(folder ?? Folder, source ?? PostgresSource.Of(PostgresSource.Machine), ways, NullLogger.Instance, Ct, ports);
        _started.Add(server);
        Remember(server.ProcessId, server.Area);
        return server;
    }

    // So that the data are here whichever account runs the server; a closed folder has tests of its own.
    private static string Open(string folder)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
        return folder;
    }

    protected void Remember(int server, string area) => _servers.Add((server, area));

    internal static async Task Store(EmbeddedPostgres server, string text)
    {
        await Execute(server, "CREATE TABLE IF NOT EXISTS kept (text text)");
        await Execute(server, $"INSERT INTO kept VALUES ('{text}')");
    }

    internal static Task<object?> Stored(EmbeddedPostgres server) => Execute(server, "SELECT string_agg(text, ' ') FROM kept");

    internal static async Task<object?> Execute(EmbeddedPostgres server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(Ct);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Ct);
    }

    /// <summary>The process id of a server whose host was killed.</summary>
    protected async Task<int> Orphan(string? folder = null)
    {
        folder ??= Folder;
        Directory.CreateDirectory(folder);
        var held = Path.Combine(folder, "held");
        await KilledHost(() => File.Exists(held), folder);
        var server = int.Parse(await File.ReadAllTextAsync(held, Ct), CultureInfo.InvariantCulture);
        Remember(server, Path.Combine(folder, "postgres"));
        File.Delete(held);
        return server;
    }

    protected async Task KilledHost(Func<bool> moment, string? folder = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!,
            [.. Self(), "-explicit", "only", "-method", $"{typeof(When_the_host_was_killed).FullName}.{nameof(When_the_host_was_killed.Should_hold_until_killed)}"])
        { RedirectStandardOutput = true };
        start.Environment[HoldVariable] = folder ?? Folder;
        using var host = Process.Start(start)!;
        var output = host.StandardOutput.ReadToEndAsync(Ct);

        while (!moment())
        {
            Assert.False(host.HasExited, host.HasExited ? await output : "");
            await Task.Delay(5, Ct);
        }

        host.Kill();
        await host.WaitForExitAsync(Ct);
    }

    // Started by its own executable or by the dotnet command.
    private static string[] Self() => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(When_the_host_was_killed).Assembly.Location] : [];

    protected static async Task Kill(int id)
    {
        using var process = Process.GetProcessById(id);
        process.Kill();
        await process.WaitForExitAsync(Ct);
    }
}

public class When_the_folder_is_empty : PrivatePostgres
{
    [Fact]
    public async Task Should_store_something()
    {
        var server = await Start();

        await Store(server, "tea");

        Assert.Equal("tea", await Stored(server));
        Assert.Equal("UTF8", await Execute(server, "SHOW server_encoding"));
        Assert.Equal("on on 127.0.0.1 ", await Execute(server,
            "SELECT concat_ws(' ', current_setting('fsync'), current_setting('synchronous_commit'), current_setting('listen_addresses'), current_setting('unix_socket_directories'))"));
        Assert.StartsWith(File.ReadAllText(Path.Combine(Data, "PG_VERSION")).Trim(), server.Version, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_keep_the_password_to_itself()
    {
        var server = await Start();
        var wrong = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Password = "guess", Pooling = false };

        await using var connection = new NpgsqlConnection(wrong.ConnectionString);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync(Ct));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, refused.SqlState);
        Assert.False(wrong.IncludeErrorDetail);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Folder, "password")));
    }

    [Fact]
    public async Task Should_run_in_a_session_of_its_own()
    {
        var server = await Start();

        Assert.NotEqual(Environment.ProcessId, server.ProcessId);
        if (OperatingSystem.IsLinux())
            Assert.Equal(server.ProcessId, Session(server.ProcessId));
    }

    private static int Session(int id)
    {
        var stat = File.ReadAllText($"/proc/{id}/stat");
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[3], CultureInfo.InvariantCulture);
    }
}

public class When_the_server_was_stopped : PrivatePostgres
{
    [Fact]
    public async Task Should_have_kept_the_data()
    {
        await using (var first = await Start())
            await Store(first, "tea");

        var second = await Start();

        Assert.Equal("tea", await Stored(second));
        Assert.DoesNotContain("not properly shut down", File.ReadAllText(Path.Combine(second.Area, "server.log")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_be_gone_whatever_its_clients_do()
    {
        var server = await Start();
        await using var idle = new NpgsqlConnection(server.ConnectionString);
        await idle.OpenAsync(Ct);

        await server.DisposeAsync();
        await server.DisposeAsync();

        Assert.False(Postmaster.IsServer(server.ProcessId, Data));
        using var client = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync("127.0.0.1", server.Port, Ct).AsTask());
    }
}

public class When_the_server_was_killed : PrivatePostgres
{
    [Fact]
    public async Task Should_recover_what_was_committed()
    {
        var first = await Start();
        await Store(first, "tea");
        await Kill(first.ProcessId);
        await first.DisposeAsync();

        var second = await Start();

        Assert.Equal("tea", await Stored(second));
        Assert.Contains("not properly shut down", File.ReadAllText(Path.Combine(second.Area, "server.log")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_start_although_its_process_id_belongs_to_another_program()
    {
        var first = await Start();
        await Store(first, "tea");
        var note = await File.ReadAllLinesAsync(Postmaster.File(Data), Ct);
        await Kill(first.ProcessId);
        await first.DisposeAsync();
        note[0] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllLinesAsync(Postmaster.File(Data), note, Ct);

        var second = await Start();

        Assert.Equal("tea", await Stored(second));
    }

    [Fact]
    public async Task Should_explain_with_its_log_when_it_cannot_start_again()
    {
        var first = await Start();
        await first.DisposeAsync();
        await File.AppendAllTextAsync(Path.Combine(Data, "postgresql.conf"), "no_such_setting = 1\n", Ct);

        var watch = Stopwatch.StartNew();
        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start());

        Assert.Contains("no_such_setting", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Database:ConnectionString", refused.Message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), "an ended server is not waited for");
    }
}

public class When_the_host_was_killed : PrivatePostgres
{
    [Fact]
    public async Task Should_take_over_the_orphaned_server()
    {
        var orphan = await Orphan();

        var server = await Start();

        Assert.Equal(orphan, server.ProcessId);
        Assert.Equal("from the killed host", await Stored(server));
        await server.DisposeAsync();
        Assert.False(Postmaster.IsServer(orphan, Data));
    }

    [Fact]
    public async Task Should_recover_when_the_server_was_killed_as_well()
    {
        await Kill(await Orphan());

        var server = await Start();

        Assert.Equal("from the killed host", await Stored(server));
    }

    [Fact]
    public async Task Should_begin_anew_when_it_was_in_the_middle_of_initdb()
    {
        var area = Path.Combine(Folder, "postgres");
        await KilledHost(() => Directory.Exists(area) && Directory.GetDirectories(area, "new-*").Any(n => File.Exists(Path.Combine(n, "PG_VERSION"))));
        Assert.False(Directory.Exists(Data));

        Assert.Equal(1, await Execute(await Start(), "SELECT 1"));
    }

    [Fact]
    public async Task Should_go_on_when_its_server_was_still_starting()
    {
        await KilledHost(() => File.Exists(Postmaster.File(Data)));

        Assert.Equal(1, await Execute(await Start(), "SELECT 1"));
    }

    /// <summary>The host to be killed: this test alone in a process of its own, started by the tests above.</summary>
    [Fact(Explicit = true)]
    public async Task Should_hold_until_killed()
    {
        var folder = Environment.GetEnvironmentVariable(HoldVariable);
        Assert.SkipWhen(folder is null, "Only meaningful as a process of its own.");
        var server = await EmbeddedPostgres.StartAsync(folder, PostgresSource.Of(PostgresSource.Machine), NullLogger.Instance, Ct);
        await Store(server, "from the killed host");
        await File.WriteAllTextAsync(Path.Combine(folder, "held.tmp"), server.ProcessId.ToString(CultureInfo.InvariantCulture), Ct);
        File.Move(Path.Combine(folder, "held.tmp"), Path.Combine(folder, "held"));
        await Task.Delay(TimeSpan.FromMinutes(2), Ct);
    }
}

public class When_the_folder_is_held_by_another_host : PrivatePostgres
{
    [Fact]
    public async Task Should_say_which_and_leave_it_alone()
    {
        var first = await Start();

        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start());

        Assert.Contains(Folder, refused.Message, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, await Execute(first, "SELECT 1"));
    }

    [Fact]
    public async Task Should_be_free_again_after_the_end()
    {
        await (await Start()).DisposeAsync();

        Assert.Equal(1, await Execute(await Start(), "SELECT 1"));
    }
}

public class When_the_folder_is_a_copy : PrivatePostgres
{
    [Fact]
    public async Task Should_not_take_over_the_server_of_the_original()
    {
        await (await Start()).DisposeAsync();
        var copy = Directory.CreateDirectory(Path.Combine(Folder, "copy")).FullName;
        Copy(Path.Combine(Folder, "postgres"), Path.Combine(copy, "postgres"));
        File.Copy(Path.Combine(Folder, "password"), Path.Combine(copy, "password"));
        var original = await Start();
        File.Copy(Postmaster.File(Data), Postmaster.File(Path.Combine(copy, "postgres", "data")));

        var server = await Start(copy);

        Assert.NotEqual(original.ProcessId, server.ProcessId);
        Assert.True(Postmaster.IsServer(original.ProcessId, Data));
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(to, File.GetUnixFileMode(from));
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.GetDirectories(from))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}

public class When_initdb_was_interrupted : PrivatePostgres
{
    [Fact]
    public async Task Should_begin_anew()
    {
        var half = Directory.CreateDirectory(Path.Combine(Folder, "postgres", "new-0123")).FullName;
        await File.WriteAllTextAsync(Path.Combine(half, "PG_VERSION"), "15\n", Ct);
        await File.WriteAllTextAsync(half + ".password", "half", Ct);
        await File.WriteAllTextAsync(Path.Combine(Folder, "password"), "of the first attempt", Ct);

        var server = await Start();

        Assert.Equal(1, await Execute(server, "SELECT 1"));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(Folder, "postgres"), "new-*"));
    }

    [Fact]
    public async Task Should_leave_nothing_behind_that_looks_complete()
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        soon.CancelAfter(150);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EmbeddedPostgres.StartAsync(Folder, PostgresSource.Of(PostgresSource.Machine), NullLogger.Instance, soon.Token));

        Assert.Equal(1, await Execute(await Start(), "SELECT 1"));
    }
}

public class When_only_its_owner_may_enter_the_folder : PrivatePostgres
{
    // Root by whichever way the machine allows; an ordinary user directly.
    [Theory]
    [InlineData("unshare")]
    [InlineData("setpriv")]
    [InlineData("runuser")]
    public async Task Should_run_all_the_same(string way)
    {
        if (Root && !Available(way))
        {
            await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start([way]));
            return;
        }

        var (closed, inside) = (Path.Combine(Folder, "closed"), Path.Combine(Folder, "closed", ".ordersaga"));
        Directory.CreateDirectory(closed);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        await using (var first = await Start([way], inside))
            await Store(first, "tea");
        var second = await Start([way], inside);

        Assert.Equal("tea", await Stored(second));
        Assert.Equal(!Root || way == "unshare", second.Area.StartsWith(inside, StringComparison.Ordinal));
    }

    // A machine may allow today what it forbade yesterday.
    [Fact]
    public async Task Should_change_from_one_way_to_another()
    {
        // With one way only, or as an ordinary user, all three starts go the same way.
        var ways = PostgresPrograms.Ways.Where(w => !Root || Available(w)).ToArray();
        await using (var first = await Start([ways[0]]))
            await Store(first, "tea");
        await using (var second = await Start([ways[^1]]))
            await Store(second, "pot");
        var third = await Start([ways[0]]);

        Assert.Equal("tea pot", await Stored(third));
    }

    [Fact]
    public async Task Should_explain_when_root_has_no_way()
    {
        if (Root)
        {
            var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start([]));
            Assert.Contains("ordinary user", refused.Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(1, await Execute(await Start([]), "SELECT 1"));
        }
    }

    private static bool Available(string way)
    {
        string[] arguments = way switch
        {
            "unshare" => ["--user", "--map-user=1000", "--map-group=1000", "true"],
            "setpriv" => ["--reuid=65534", "true"],
            _ => ["-u", "nobody", "--", "true"],
        };
        try
        {
            using var process = Process.Start(way, arguments);
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

public class When_the_folder_has_an_unusual_name : PrivatePostgres
{
    [Fact]
    public async Task Should_start_all_the_same()
    {
        var odd = Path.Combine(Folder, $"it's $HOME \"of\" the `shop` {new string('x', 120)}");

        Assert.Equal(1, await Execute(await Start(odd), "SELECT 1"));
    }

    [Fact]
    public async Task Should_find_its_orphan_through_a_link()
    {
        var link = Folder + "-link";
        Directory.CreateSymbolicLink(link, Folder);
        try
        {
            var server = await Start(link);

            Assert.True(Postmaster.IsServer(server.ProcessId, Data));
        }
        finally
        {
            Directory.Delete(link);
        }
    }
}

public class When_the_machine_has_no_PostgreSQL : PrivatePostgres
{
    [Fact]
    public async Task Should_say_how_to_get_one()
    {
        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(
            () => EmbeddedPostgres.StartAsync(Folder, new([Folder, $"{Folder}/*/bin", "/nowhere"], null), NullLogger.Instance, Ct));

        Assert.Contains("apt-get install postgresql", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Database:Provider=Postgres", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, await Execute(await Start(), "SELECT 1"));
    }

    [Fact]
    public async Task Should_name_the_version_that_made_the_data()
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "PG_VERSION"), "9\n", Ct);

        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start());

        Assert.Contains("Install PostgreSQL 9", refused.Message, StringComparison.Ordinal);
    }
}
