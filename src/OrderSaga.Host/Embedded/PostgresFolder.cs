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
    private const string Away = "/var/lib/ordersaga", LockFile = "host.lock", HolderFile = "host.pid", LocationFile = "postgres.location", OwnerFile = "owner";

    private readonly FileStream folderLock;
    private readonly ILogger log;

    private PostgresFolder(string root, FileStream held, ILogger log)
    {
        (Root, folderLock, this.log) = (root, held, log);
        Area = LocationIn(root) ?? Path.Combine(root, "postgres");
        if (IsAway)
            Adopt();
    }

    public string Root { get; }

    public string Area { get; private set; }

    public string Data => Path.Combine(Area, "data");

    public string ServerLog => Path.Combine(Area, "server.log");

    /// <summary>The version that made the data; only its programs can read them.</summary>
    public int? Major =>
        !File.Exists(VersionFile) ? null
        : int.TryParse(File.ReadAllText(VersionFile).Split('.')[0], NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var major) ? major
        : throw Unknown();

    private bool IsAway => Area != Path.Combine(Root, "postgres");

    public string PasswordFile => Path.Combine(Root, "password");

    private string VersionFile => Path.Combine(Data, "PG_VERSION");

    /// <summary>The system releases the lock when the Host ends in whatever way; PostgreSQL does not inherit it.</summary>
    public static PostgresFolder Hold(string path, ILogger log)
    {
        Directory.CreateDirectory(path);
        var root = RealPath(Path.GetFullPath(path));
        // Beside the lock, for a locked file cannot be read.
        var holder = Path.Combine(root, HolderFile);
        FileStream? held = null;
        try
        {
            held = new FileStream(Path.Combine(root, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(holder, $"{Environment.ProcessId}\n");
            return new(root, held, log);
        }
        catch (IOException e) when (held is null && IsHeld(e))
        {
            var process = File.Exists(holder) ? $" (process {File.ReadAllText(holder).Trim()})" : "";
            throw new EmbeddedPostgresException($"The folder {root} is in use by another OrderSaga{process}.",
                $"Stop that one, or start this one in another folder, or {EmbeddedPostgresException.OwnServer}.", e);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Somebody else has the file open; not a full disk or a missing right.</summary>
    public static bool IsHeld(IOException e) =>
        OperatingSystem.IsWindows() ? e.HResult == unchecked((int)0x80070020) : e.HResult == (OperatingSystem.IsLinux() ? 11 : 35);

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
        if (Major is not null)
            return;
        if (Directory.Exists(Data) && Directory.EnumerateFileSystemEntries(Data).Any())
            throw Unknown();
        if (Directory.Exists(Data))
            Directory.Delete(Data);
        await InitAsync(programs, ct);
    }

    /// <summary>Removes what this made; null, or what stays because it is somebody else's.</summary>
    public string? Remove()
    {
        foreach (var folder in new[] { Area, Path.Combine(Root, "postgres") }.Where(Directory.Exists))
            Directory.Delete(folder, recursive: true);
        foreach (var file in new[] { PasswordFile, Path.Combine(Root, LocationFile), Path.Combine(Root, HolderFile), Path.Combine(Root, LockFile) })
            File.Delete(file);
        if (Directory.EnumerateFileSystemEntries(Root).Select(Path.GetFileName).ToList() is { Count: > 0 } others)
            return string.Join(", ", others);
        Directory.Delete(Root);
        return null;
    }

    // Data elsewhere go with a folder that was moved, but are not shared with a copy of it.
    private void Adopt()
    {
        var file = Path.Combine(Area, OwnerFile);
        var owner = File.Exists(file) ? File.ReadAllText(file).Trim() : Root;
        if (owner != Root && LocationIn(owner) == Area)
        {
            folderLock.Dispose();
            throw new EmbeddedPostgresException($"The folder {Root} is a copy: its data are in {Area} and belong to {owner}.",
                $"Copy that folder too and name the copy in {Path.Combine(Root, LocationFile)}, or remove {Root} to begin anew.");
        }

        if (Directory.Exists(Area))
            File.WriteAllText(file, $"{Root}\n");
    }

    private static string? LocationIn(string root) =>
        Path.Combine(root, LocationFile) is var file && File.Exists(file) ? RealPath(File.ReadAllText(file).Trim()) : null;

    private EmbeddedPostgresException Unknown() => new($"The folder {Data} holds something, but no data of PostgreSQL: its PG_VERSION is missing or cannot be read.",
        $"Restore it from a backup, or begin anew (ordersaga reset), or {EmbeddedPostgresException.OwnServer}.");

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
        File.WriteAllText(Path.Combine(area, OwnerFile), $"{Root}\n");
        WritePrivate(Path.Combine(Root, LocationFile), area);
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
            throw new EmbeddedPostgresException($"initdb failed under {Area}: {output}", EmbeddedPostgresException.SaysFull(output)
                ? $"Make room on that disk (some 100 MB), or start in another folder, or {EmbeddedPostgresException.OwnServer}."
                : $"Remove what it names, or {EmbeddedPostgresException.OwnServer}.");
        Directory.Move(Path.Combine(Area, name), Data);
    }

    /// <summary>Deletes it, if nobody else is adding to it.</summary>
    public static void TryDelete(FileSystemInfo leftover)
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
