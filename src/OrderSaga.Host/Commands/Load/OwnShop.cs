namespace OrderSaga.Host.Commands.Load;

/// <summary>A shop of one process that is started for a run.</summary>
internal sealed class OwnShop : IAsyncDisposable
{
    private readonly ShopProcess process;

    private OwnShop(OwnFolder folder, ShopProcess process) => (Folder, this.process) = (folder, process);

    public OwnFolder Folder { get; }

    public Uri Url => process.Url;

    public int Id => process.Id;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="CommandException">It is not, for the reason that it says.</exception>
    public static async Task<OwnShop> StartAsync(IEnumerable<string> settings, TimeProvider time, CancellationToken ct)
    {
        var folder = new OwnFolder();
        var shop = new OwnShop(folder, ShopProcess.Launch(folder.Path, [.. OwnFolder.Settings, .. settings]));
        try
        {
            await shop.process.ReadyAsync(time, ct);
            return shop;
        }
        catch
        {
            await shop.DisposeAsync();
            throw;
        }
    }

    /// <summary>Tells it to stop.</summary>
    public void Interrupt()
    {
        if (!OperatingSystem.IsWindows())
            process.Signal("INT");
    }

    public async ValueTask DisposeAsync()
    {
        await process.StopAsync();
        process.Dispose();
        Folder.Dispose();
    }
}
