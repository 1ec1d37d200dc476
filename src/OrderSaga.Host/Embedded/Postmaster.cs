using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace OrderSaga.Host.Embedded;

/// <summary>What postmaster.pid says about the server of one data folder, and whether that server is really there.</summary>
internal sealed record Postmaster(int Id, string Data, int Port, bool Ready)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The live server at work in exactly this data folder, if any.</summary>
    public static Postmaster? Running(string data) => Read(data) is { } server && IsServer(server.Id, data) ? server : null;

    /// <summary>Whether the server says itself, to who knows the password, that its data are these. Process ids are given away again.</summary>
    public async Task<bool> ProvesAsync(string data, string password, CancellationToken ct)
    {
        try
        {
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
            {
                Host = "127.0.0.1",
                Port = Port,
                Database = "postgres",
                Username = EmbeddedPostgres.Name,
                Password = password,
                Timeout = 5,
                CommandTimeout = 5,
                Pooling = false,
            }.ConnectionString);
            await connection.OpenAsync(ct);
            await using var command = new NpgsqlCommand("SHOW data_directory", connection);
            return (string?)await command.ExecuteScalarAsync(ct) == data;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Ends a server whose data are not wanted any more, with its children.</summary>
    public async Task EndAsync(CancellationToken ct)
    {
        using var server = Process.GetProcessById(Id);
        if (!OperatingSystem.IsWindows())
        {
            // As an operator would: clients are disconnected, and it leaves nothing behind. The kill that every shell has.
            using var shell = Process.Start("sh", ["-c", "kill -INT \"$1\"", "sh", Id.ToString(CultureInfo.InvariantCulture)]);
            await shell.WaitForExitAsync(ct);
            for (var watch = Stopwatch.StartNew(); watch.Elapsed < Patience && IsServer(Id, Data); )
                await Task.Delay(20, ct);
        }

        if (!server.HasExited && IsServer(Id, Data))
            server.Kill(entireProcessTree: true);
    }

    /// <summary>The note that a dead server left behind while its process id belongs to another program by now (restarted containers).</summary>
    public static int? TakenOver(string data) => Read(data) is { } note && Exists(note.Id) && !IsServer(note.Id, data) ? note.Id : null;

    public static string File(string data) => Path.Combine(data, "postmaster.pid");

    /// <summary>Alive, a PostgreSQL, and at work in this folder: a copied folder brings the postmaster.pid of the original.</summary>
    public static bool IsServer(int id, string data)
    {
        if (!OperatingSystem.IsLinux())
            return Exists(id) && IsNoted(id, data);

        try
        {
            // "4501 (postgres) S ..."; a zombie waits for a parent that may never ask
            var stat = System.IO.File.ReadAllText($"/proc/{id}/stat");
            if (!stat.Contains("(postgres) ", StringComparison.Ordinal) || stat[stat.LastIndexOf(')') + 2] is 'Z' or 'X')
                return false;

            // Root without every right (a plain container) may not look into the processes of other accounts: then the note's own word.
            return new FileInfo($"/proc/{id}/cwd").LinkTarget is { } at ? at == data : IsNoted(id, data);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static bool IsNoted(int id, string data) => Read(data) is { } note && note.Id == id && Path.GetFullPath(note.Data) == data;

    private static bool Exists(int id)
    {
        if (OperatingSystem.IsLinux())
            return Directory.Exists($"/proc/{id}");

        try
        {
            using var process = Process.GetProcessById(id);
            return process.ProcessName.StartsWith("postgres", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    private static Postmaster? Read(string data)
    {
        try
        {
            // Process id, data folder, start, port, socket folder, address, shared memory, status; written line by line while starting.
            var lines = System.IO.File.ReadAllLines(File(data));
            return lines.Length > 3 && int.TryParse(lines[0], CultureInfo.InvariantCulture, out var id) && int.TryParse(lines[3], CultureInfo.InvariantCulture, out var port)
                ? new(id, lines[1], port, lines.Length > 7 && lines[7].Trim() == "ready")
                : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
