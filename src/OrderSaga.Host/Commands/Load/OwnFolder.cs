namespace OrderSaga.Host.Commands.Load;

/// <summary>A folder for shops that are started for a run; it goes with it.</summary>
internal sealed class OwnFolder : IDisposable
{
    /// <summary>What such a shop is never without: it takes any number of orders from here.</summary>
    public static readonly IReadOnlyList<string> Settings = ["--Web:OrdersPerSecond", "0", "--Web:RequestsPerSecond", "0"];

    public OwnFolder()
    {
        if (File.Exists("appsettings.json"))
            File.Copy("appsettings.json", System.IO.Path.Combine(Path, "appsettings.json"));
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("ordersaga-load-").FullName;

    /// <summary>The embedded database of who runs in it, if one does.</summary>
    public Task<string?> DatabaseAsync() => Embedded.EmbeddedPostgres.RunningInAsync(System.IO.Path.Combine(Path, Start.Folder));

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{Path} could not be removed ({e.Message}): remove it when nothing uses it any more.");
        }
    }
}
