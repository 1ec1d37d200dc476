using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace OrderSaga.Host.Embedded;

/// <summary>The private PostgreSQL of a Host that was given no database: made, started, found again and stopped under one folder.</summary>
internal sealed class EmbeddedPostgres : IAsyncDisposable
{
    /// <summary>Of the database, the superuser and the cluster.</summary>
    internal const string Name = "ordersaga";

    private const long LogSegment = 16 << 20;
    private const string OrphanEnded = "The server of the last Host has ended.";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FastLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ImmediateLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    // These end by themselves: another port, an orphan that was still starting or ending, backends that outlive their killed server.
    private static readonly string[] Passing =
        [OrphanEnded, "could not bind", "could not create any TCP/IP sockets", "lock file \"postmaster.pid\" already exists", "is still in use"];

    // A crash came between making the note and writing it.
    private static readonly string[] HalfWritten = ["postmaster.pid\" is empty", "invalid data in PID file"];

    private readonly PostgresFolder folder;
    private readonly PostgresPrograms programs;
    private readonly ILogger log;
    private readonly Func<int> ports;
    private string password = "";
    private bool disposed;

    private EmbeddedPostgres(PostgresFolder folder, PostgresPrograms programs, ILogger log, Func<int> ports) =>
        (this.folder, this.programs, this.log, this.ports) = (folder, programs, log, ports);

    /// <summary>Npgsql form, for database ordersaga.</summary>
    public string ConnectionString => Connect(Name, Port);

    /// <summary>The running server's version, such as 17.2.</summary>
    public string Version { get; private set; } = "";

    public int Port { get; private set; }

    /// <summary>The server's own process id.</summary>
    internal int ProcessId { get; private set; }

    /// <summary>Where the server's files are: under the folder, unless the account that runs it cannot enter that.</summary>
    internal string Area => folder.Area;

    /// <summary>Brings up the server of this folder, making it first or taking over one that outlived its Host.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="programs">Where the programs may come from.</param>
    /// <param name="log">Hears of it.</param>
    /// <param name="ct">Gives it up.</param>
    public static Task<EmbeddedPostgres> StartAsync(string folder, PostgresSource programs, ILogger log, CancellationToken ct)
        => StartAsync(folder, programs, PostgresPrograms.Ways, log, ct);

    internal static async Task<EmbeddedPostgres> StartAsync(
        string folder, PostgresSource source, IEnumerable<string> ways, ILogger log, CancellationToken ct, Func<int>? ports = null)
    {
        PostgresFolder? held = null;
        try
        {
            held = PostgresFolder.Hold(folder, log);
            var server = new EmbeddedPostgres(held, await PostgresPrograms.FindAsync(held.Major, source, ways, log, ct), log, ports ?? FreePort);
            await server.OpenAsync(ct);
            return server;
        }
        catch (Exception e)
        {
            held?.Dispose();
            if (e is not (IOException or UnauthorizedAccessException))
                throw;
            throw new EmbeddedPostgresException($"The private PostgreSQL under {folder} could not be prepared: {e.Message}",
                $"Make sure that this account may write there and that the disk has room, or {EmbeddedPostgresException.OwnServer}.", e);
        }
    }

    /// <summary>How to connect to the server that another Host runs in this folder; none if none does.</summary>
    public static async Task<string?> RunningInAsync(string folder)
    {
        var location = Path.Combine(folder, "postgres.location");
        var area = File.Exists(location) ? (await File.ReadAllTextAsync(location)).Trim() : Path.Combine(folder, "postgres");
        var note = Path.Combine(area, "data", "postmaster.pid");
        if (!File.Exists(note) || await File.ReadAllLinesAsync(note) is not [_, _, _, var port, ..])
            return null;
        var password = (await File.ReadAllTextAsync(Path.Combine(folder, "password"))).Trim();
        return new NpgsqlConnectionStringBuilder { Host = IPAddress.Loopback.ToString(), Port = int.Parse(port, CultureInfo.InvariantCulture), Username = Name, Password = password, Database = Name }.ConnectionString;
    }

    /// <summary>Stops the server cleanly: clients are disconnected, everything is on disk, the next start needs no recovery.</summary>
    public ValueTask DisposeAsync() => StopAsync(FastLimit);

    /// <summary>The same within a time: what would take longer is broken off, and mended from the server's log at the next start.</summary>
    public async ValueTask StopAsync(TimeSpan within)
    {
        if (disposed)
            return;

        disposed = true;
        await EndAsync(within);
        folder.Dispose();
    }

    /// <summary>Ends the server in no time, as a power cut would.</summary>
    public void Kill()
    {
        if (Running() is not { } server)
            return;
        using var process = Process.GetProcessById(server.Id);
        process.Kill();
    }

    private async Task OpenAsync(CancellationToken ct)
    {
        var watch = Stopwatch.StartNew();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        try
        {
            await BringUpAsync(limit.Token);
            log.LogInformation("Private PostgreSQL {Version} under {Folder} is ready on port {Port} after {Milliseconds} ms",
                Version, folder.Root, Port, watch.ElapsedMilliseconds);
        }
        catch (Exception e)
        {
            var late = e is OperationCanceledException && !ct.IsCancellationRequested
                ? Unready($"did not become ready within {Limit.TotalSeconds:0} s.", e)
                : null;
            // What was begun must not stay behind without an owner.
            await EndAsync(FastLimit);
            if (late is not null)
                throw late;
            throw;
        }
    }

    private async Task BringUpAsync(CancellationToken ct)
    {
        var prepared = false;
        while (true)
        {
            Task<(int, string)>? starter = null;
            if (Running() is { } orphan)
            {
                log.LogInformation("PostgreSQL (process {ProcessId}) outlived its Host under {Folder} and is taken over", orphan.Id, folder.Root);
                password = folder.ReadPassword();
            }
            else
            {
                if (!prepared)
                    await folder.PrepareAsync(programs, ct);
                prepared = true;
                password = folder.ReadPassword();
                DropStaleNote();
                starter = LaunchAsync(ct);
            }

            if (await AwaitReadyAsync(starter, ct) is not { } failure)
                return;
            var said = failure + LogTail();
            if (HalfWritten.Any(said.Contains))
                File.Delete(Postmaster.File(folder.Data));
            else if (!Passing.Any(said.Contains))
                throw Unready($"ended at once. {failure}");
            await Task.Delay(10 * Pause, ct);
        }
    }

    /// <summary>Null when a client can work; otherwise why this attempt has ended.</summary>
    private async Task<string?> AwaitReadyAsync(Task<(int Code, string Output)>? starter, CancellationToken ct)
    {
        while (true)
        {
            // Asked before looking: a server that is ready by the end of pg_ctl is not missed.
            var ended = starter is null || starter.IsCompleted;
            var running = Running();
            if (running is { Ready: true } && await TryOpenAsync(running.Port, ct))
            {
                (ProcessId, Port) = (running.Id, running.Port);
                return null;
            }

            if (ended && running is null)
                return starter is null ? OrphanEnded : (await starter).Output;
            await Task.Delay(Pause, ct);
        }
    }

    /// <summary>Logging in with our password is also the proof that the server behind the port is ours.</summary>
    private async Task<bool> TryOpenAsync(int port, CancellationToken ct)
    {
        try
        {
            await using var connection = new NpgsqlConnection(Connect(Name, port) + ";Pooling=false");
            await connection.OpenAsync(ct);
            Version = connection.PostgreSqlVersion.ToString();
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await using var connection = new NpgsqlConnection(Connect("postgres", port) + ";Pooling=false");
            await connection.OpenAsync(ct);
            await using var create = new NpgsqlCommand($"CREATE DATABASE {Name}", connection);
            await create.ExecuteNonQueryAsync(ct);
            return false;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification)
        {
            throw new EmbeddedPostgresException($"The data under {Area} do not accept the password in {folder.PasswordFile}.",
                "Restore that file, or move the whole folder away to begin anew.", e);
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    /// <summary>pg_ctl gives the server a session of its own (Ctrl-C must reach it through us) and ends early, with an error, when the server does.</summary>
    private Task<(int, string)> LaunchAsync(CancellationToken ct)
    {
        // One generation is kept; errors that clients cause are reported to them, so the log stays small.
        if (File.Exists(folder.ServerLog))
            File.Move(folder.ServerLog, $"{folder.ServerLog}.1", overwrite: true);

        string[] settings =
        [
            $"port={ports()}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=128MB",
            "fsync=on", "synchronous_commit=on", "full_page_writes=on", "log_min_messages=log", "log_checkpoints=off", "lc_messages=C", $"cluster_name={Name}",
        ];
        var options = string.Join(' ', settings.Select(s => $"-c {s}"));
        // Names relative to the area: pg_ctl passes them through a shell, and a folder may be called anything.
        return programs.RunAsync("pg_ctl", ["start", "-w", "-s", "-t", $"{Limit.TotalSeconds:0}", "-D", "data", "-l", "server.log", "-o", options], Area, ct);
    }

    private async Task EndAsync(TimeSpan within)
    {
        foreach (var (mode, limit) in new[] { ("fast", within), ("immediate", ImmediateLimit) })
        {
            if (Running() is not { } server)
                return;

            await programs.RunAsync("pg_ctl", ["stop", "-W", "-s", "-m", mode, "-D", "data"], Area, CancellationToken.None);
            for (var watch = Stopwatch.StartNew(); watch.Elapsed < limit && Postmaster.IsServer(server.Id, folder.Data);)
                await Task.Delay(Pause);
        }

        if (Running() is { } left)
            log.LogWarning("PostgreSQL (process {ProcessId}) under {Folder} did not stop; end that process, its data are safe", left.Id, folder.Root);
    }

    private Postmaster? Running() => Postmaster.Running(folder.Data);

    /// <summary>PostgreSQL refuses to start while the noted process id lives, whatever it belongs to.</summary>
    private void DropStaleNote()
    {
        if (Postmaster.TakenOver(folder.Data) is not { } other)
            return;

        log.LogInformation("{Folder} names process {ProcessId} as its PostgreSQL, which that no longer is: the note is removed", folder.Root, other);
        File.Delete(Postmaster.File(folder.Data));
    }

    private string Connect(string database, int port) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = port,
        Database = database,
        Username = Name,
        Password = password,
        IncludeErrorDetail = false,
        // On loopback both only cost round trips.
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
    }.ConnectionString;

    private string LogTail() => File.Exists(folder.ServerLog) ? string.Join(Environment.NewLine, File.ReadLines(folder.ServerLog).TakeLast(15)) : "(there is none)";

    private EmbeddedPostgresException Unready(string what, Exception? inner = null)
    {
        var process = Running() is { } left ? $" (process {left.Id})" : "";
        var tail = LogTail();
        // On a full disk it may not even be able to write that into its log.
        var full = EmbeddedPostgresException.SaysFull(what + tail) || new DriveInfo(Area).AvailableFreeSpace < LogSegment;
        var remedy = full ? "Make room on that disk" : "Remove what the log names";
        return new($"The private PostgreSQL{process} under {folder.Root} {what} Its log ends:{Environment.NewLine}{tail}{Environment.NewLine}",
            $"{remedy}, or {EmbeddedPostgresException.OwnServer}.", inner);
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
