using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace OrderSaga.Host.Embedded;

/// <summary>The PostgreSQL programs of this machine: where they are, and as whom they may run, for PostgreSQL refuses root.</summary>
internal sealed class PostgresPrograms
{
    private const string NoWay = "PostgreSQL refuses to run as root, and neither a user namespace (unshare) nor another account (setpriv, runuser) is available here.";

    private static readonly string[] OtherAccounts = ["postgres", "nobody"];

    private readonly string folder;
    private readonly string[] prefix;

    private PostgresPrograms(string folder, string[] prefix, string? owner) => (this.folder, this.prefix, Owner) = (folder, prefix, owner);

    /// <summary>The ways for root to start PostgreSQL, best first. A namespace needs no other account and works under folders that only root may enter.</summary>
    public static IReadOnlyList<string> Ways { get; } = ["unshare", "setpriv", "runuser"];

    /// <summary>uid:gid that the server's files must belong to; null when they are simply ours.</summary>
    public string? Owner { get; }

    /// <summary>Folders that may hold the programs; a star stands for one name.</summary>
    public static IReadOnlyList<string> Places() =>
    [
        .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
        "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL", "*", "bin"),
    ];

    /// <summary>The newest programs of the wanted major version, fetched if there are none, together with an account they accept.</summary>
    public static async Task<PostgresPrograms> FindAsync(int? major, PostgresSource source, IEnumerable<string> ways, ILogger log, CancellationToken ct)
    {
        var found = new List<(string Folder, int Major)>();
        foreach (var folder in source.Places.Where(Path.IsPathFullyQualified).SelectMany(Expand).Select(Real).OfType<string>().Distinct())
            if (await MajorAsync(folder, ct) is { } version)
                found.Add((folder, version));

        var usable = found.Where(f => major is null || f.Major == major).OrderByDescending(f => f.Major).Select(f => f.Folder).FirstOrDefault();
        if (usable is null && source.Package is { } package && (major ?? package.Major) == package.Major)
            usable = await package.GetAsync(log, ct);
        if (usable is not null)
            return await ForThisAccountAsync(usable, ways, ct);

        throw major is null
            ? new EmbeddedPostgresException("No PostgreSQL (initdb, pg_ctl, postgres) was found on this machine.", EmbeddedPostgresException.GetPrograms)
            : new EmbeddedPostgresException($"The data were made by PostgreSQL {major}, and its programs are not here{Others(found.Select(f => f.Major), source.Package)}.",
                $"Install PostgreSQL {major}, or set Database:Embedded:Programs to the folder of its programs, or begin anew (ordersaga reset), or {EmbeddedPostgresException.OwnServer}.");
    }

    private static string Others(IEnumerable<int> found, PostgresPackage? package) =>
        found.Concat(package is null ? [] : [package.Major]).Distinct().Order().ToList() is { Count: > 0 } others ? $" (only those of {string.Join(", ", others)} can be had)" : "";

    /// <summary>Runs one of the programs to its end.</summary>
    public Task<(int Code, string Output)> RunAsync(string program, IEnumerable<string> arguments, string workingFolder, CancellationToken ct)
        => ExecuteAsync([.. prefix, Path.Combine(folder, program), .. arguments], workingFolder, ct);

    /// <summary>Whether the account that runs the programs can enter the folder and write there.</summary>
    public async Task<bool> ReachesAsync(string folder, CancellationToken ct)
        => (await ExecuteAsync([.. prefix, "sh", "-c", "cd \"$1\" && [ -w . ]", "sh", folder], "/", ct)).Code == 0;

    /// <summary>Gives the folder to the account that runs the programs; what another account left there is taken over.</summary>
    public async Task OwnAsync(string folder, CancellationToken ct)
    {
        var (code, output) = await ExecuteAsync(["chown", "-R", Owner!, folder], "/", ct);
        if (code != 0)
            throw new IOException($"chown -R {Owner} {folder}: {output}");
    }

    private static async Task<PostgresPrograms> ForThisAccountAsync(string folder, IEnumerable<string> ways, CancellationToken ct)
    {
        // On Windows pg_ctl drops the administrator's rights by itself.
        if (OperatingSystem.IsWindows() || !Environment.IsPrivilegedProcess)
            return new(folder, [], null);

        foreach (var (prefix, owner) in ways.SelectMany(Accounts))
        {
            var programs = new PostgresPrograms(folder, prefix, owner);
            if ((await programs.RunAsync("postgres", ["--version"], "/", ct)).Code == 0)
                return programs;
        }

        throw new EmbeddedPostgresException(NoWay, $"Start OrderSaga as an ordinary user, or install util-linux, or {EmbeddedPostgresException.OwnServer}.");
    }

    private static IEnumerable<(string[] Prefix, string Owner)> Accounts(string way)
    {
        if (way == "unshare")
            return [([way, "--user", "--map-user=1000", "--map-group=1000"], "0:0")];

        var known = File.Exists("/etc/passwd") ? File.ReadLines("/etc/passwd").Select(l => l.Split(':')).Where(f => f.Length > 3).ToList() : [];
        return from name in OtherAccounts
               from entry in known
               where entry[0] == name
               let prefix = way == "setpriv"
                   ? (string[])[way, $"--reuid={entry[2]}", $"--regid={entry[3]}", "--clear-groups"]
                   : [way, "-u", name, "--"]
               select (prefix, $"{entry[2]}:{entry[3]}");
    }

    internal static IEnumerable<string> Expand(string place)
    {
        var star = place.IndexOf('*', StringComparison.Ordinal);
        if (star < 0)
            return [place];

        var start = place.LastIndexOfAny(['/', '\\'], star);
        var end = place.IndexOfAny(['/', '\\'], star);
        var (parent, pattern, rest) = (place[..start], end < 0 ? place[(start + 1)..] : place[(start + 1)..end], end < 0 ? "" : place[(end + 1)..]);
        return Directory.Exists(parent) ? Directory.EnumerateDirectories(parent, pattern).Select(d => Path.Combine(d, rest)) : [];
    }

    // PATH often holds only links; the programs look for each other and for their libraries beside the real file.
    internal static string? Real(string folder)
    {
        var server = new FileInfo(Path.Combine(folder, Program("postgres")));
        if (!server.Exists)
            return null;

        var real = Path.GetDirectoryName(server.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? server.FullName)!;
        return File.Exists(Path.Combine(real, Program("initdb"))) && File.Exists(Path.Combine(real, Program("pg_ctl"))) ? real : null;
    }

    private static string Program(string name) => OperatingSystem.IsWindows() ? $"{name}.exe" : name;

    /// <summary>The version of the programs in a folder; null if they do not run here.</summary>
    public static async Task<int?> MajorAsync(string folder, CancellationToken ct)
    {
        // "postgres (PostgreSQL) 15.18 (Debian ...)"
        var (code, output) = await ExecuteAsync([Path.Combine(folder, "postgres"), "--version"], folder, ct);
        var number = new string([.. output.SkipWhile(c => !char.IsAsciiDigit(c)).TakeWhile(char.IsAsciiDigit)]);
        return code == 0 && int.TryParse(number, CultureInfo.InvariantCulture, out var major) ? major : null;
    }

    private static async Task<(int Code, string Output)> ExecuteAsync(string[] command, string workingFolder, CancellationToken ct)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = workingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Messages are read by this program, so they are English; the data's own locale is given by argument.
        start.Environment["LC_ALL"] = "C";
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("PG", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            using var kill = ct.Register(() => process.Kill());
            var (output, error) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));
            await process.WaitForExitAsync(CancellationToken.None);
            ct.ThrowIfCancellationRequested();
            return (process.ExitCode, $"{await output}{await error}".Trim());
        }
        catch (Win32Exception missing)
        {
            return (127, missing.Message);
        }
    }
}
