using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OrderSaga.Host.Embedded;

/// <summary>
/// What is on disk: host.lock and host.pid (who holds the folder), password, and the server's area postgres/ with data/ and server.log;
/// or postgres.location, which names the area when another account runs the server and cannot enter the folder.
/// </summary>
internal sealed class PostgresFolder : IDisposable
{
    private const string Away = "/var/lib/ordersaga";

    private readonly FileStream folderLock;
    private readonly ILogger log;

    private PostgresFolder(string root, FileStream held, ILogger log)
    {
        (Root, folderLock, this.log) = (root, held, log);
        var location = Path.Combine(root, "postgres.location");
        Area = File.Exists(location) ? RealPath(File.ReadAllText(location).Trim()) : Path.Combine(root, "postgres");
    }

    public string Root { get; }

    public string Area { get; private set; }

    public string Data => Path.Combine(Area, "data");

    public string ServerLog => Path.Combine(Area, "server.log");

    /// <summary>The version that made the data; only its programs can read them.</summary>
    public int? Major => File.Exists(VersionFile) ? int.Parse(File.ReadAllText(VersionFile), CultureInfo.InvariantCulture) : null;

    public string PasswordFile => Path.Combine(Root, "password");

    private string VersionFile => Path.Combine(Data, "PG_VERSION");

    /// <summary>The system releases the lock when the Host ends in whatever way; PostgreSQL does not inherit it.</summary>
    public static PostgresFolder Hold(string path, ILogger log)
    {
        Directory.CreateDirectory(path);
        var root = RealPath(Path.GetFullPath(path));
        // Beside the lock, for a locked file cannot be read.
        var holder = Path.Combine(root, "host.pid");
        try
        {
            var held = new FileStream(Path.Combine(root, "host.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(holder, $"{Environment.ProcessId}\n");
            return new(root, held, log);
        }
        catch (IOException e) when (File.Exists(holder))
        {
            throw new EmbeddedPostgresException($"The folder {root} is in use by another OrderSaga (process {File.ReadAllText(holder).Trim()}).",
                $"Stop that one, or start this one in another folder, or {EmbeddedPostgresException.OwnServer}.", e);
        }
    }

    public void Dispose() => folderLock.Dispose();

    public string ReadPassword() => File.Exists(PasswordFile)
        ? File.ReadAllText(PasswordFile).Trim()
        : throw new EmbeddedPostgresException($"The data under {Area} exist, but their password in {PasswordFile} is gone.",
            "Restore that file, or move the whole folder away to begin anew.");

    /// <summary>Makes the data if there are none, and gives everything to the account that runs the server.</summary>
    public async Task PrepareAsync(PostgresPrograms programs, CancellationToken ct)
    {
        CreatePrivate(Area);
        if (programs.Owner is not null)
            await SettleAsync(programs, ct);

        foreach (var leftover in new DirectoryInfo(Area).EnumerateFileSystemInfos("new-*"))
            TryDelete(leftover);
        if (Major is null)
            await InitAsync(programs, ct);
    }

    /// <summary>Finds an area that the account of the server can enter.</summary>
    private async Task SettleAsync(PostgresPrograms programs, CancellationToken ct)
    {
        await programs.OwnAsync(Area, ct);
        if (await programs.ReachesAsync(Area, ct))
            return;

        if (Directory.Exists(Data))
            throw new EmbeddedPostgresException($"PostgreSQL cannot run as root, and the account that runs it instead cannot enter {Data}.",
                $"Allow user namespaces, or move {Root} to where other accounts may enter, or {EmbeddedPostgresException.OwnServer}.");

        Directory.CreateDirectory(Away);
        var area = Path.Combine(RealPath(Away), RandomNumberGenerator.GetHexString(16, lowercase: true));
        CreatePrivate(area);
        await programs.OwnAsync(area, ct);
        if (!await programs.ReachesAsync(area, ct))
            throw new EmbeddedPostgresException($"PostgreSQL cannot run as root, and the account that runs it instead can enter neither {Root} nor {Away}.",
                $"Move the folder to where other accounts may enter, or {EmbeddedPostgresException.OwnServer}.");

        Directory.Delete(Area, recursive: true);
        Area = area;
        WritePrivate(Path.Combine(Root, "postgres.location"), area);
        log.LogInformation("The data of the private PostgreSQL are in {Area}: the account that runs it cannot enter {Folder}", Area, Root);
    }

    /// <summary>Made under another name and renamed when complete, so a kill in between leaves nothing that looks finished.</summary>
    private async Task InitAsync(PostgresPrograms programs, CancellationToken ct)
    {
        var password = RandomNumberGenerator.GetHexString(32, lowercase: true);
        WritePrivate(PasswordFile, password);

        // A name of its own each time: the initdb of a killed Host may still be writing.
        var name = $"new-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
        var copy = Path.Combine(Area, $"{name}.password");
        WritePrivate(copy, password);
        if (programs.Owner is not null)
            await programs.OwnAsync(copy, ct);

        var (code, output) = (0, "");
        foreach (var locale in new[] { "C.UTF-8", "C" })
        {
            (code, output) = await programs.RunAsync("initdb",
                ["-D", name, "-U", EmbeddedPostgres.Name, "-E", "UTF8", $"--locale={locale}", "--auth=scram-sha-256", $"--pwfile={name}.password"], Area, ct);
            if (code == 0)
                break;
        }

        File.Delete(copy);
        if (code != 0)
            throw new EmbeddedPostgresException($"initdb failed under {Area}: {output}", $"Remove what it names, or {EmbeddedPostgresException.OwnServer}.");
        Directory.Move(Path.Combine(Area, name), Data);
    }

    private static void TryDelete(FileSystemInfo leftover)
    {
        try
        {
            if (leftover is DirectoryInfo folder)
                folder.Delete(recursive: true);
            else
                leftover.Delete();
        }
        catch (IOException)
        {
            // An initdb that outlived its Host is still adding to it: the next start will find it still.
        }
    }

    private static void CreatePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static void WritePrivate(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new FileStream(path, options);
        file.Write(Encoding.ASCII.GetBytes(text));
        // The data that this opens will outlive a power cut, so must this.
        file.Flush(flushToDisk: true);
    }

    /// <summary>Without links, as the system names the working folder of a process.</summary>
    private static string RealPath(string path)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return path;

        var here = Path.Combine(RealPath(parent), Path.GetFileName(path));
        return Directory.ResolveLinkTarget(here, returnFinalTarget: false) is { } link ? RealPath(link.FullName) : here;
    }
}
