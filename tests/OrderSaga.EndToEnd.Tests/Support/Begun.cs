using System.Diagnostics;
using OrderSaga.EndToEnd.Tests.Support;

[assembly: AssemblyFixture(typeof(Begun))]

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>
/// A folder and a database in which the program was run before, made once and copied: a first start costs more than most tests that need a
/// shop. What is about a first start begins with an <see cref="EmbeddedPlace"/> of its own, or a <see cref="ServersPlace.EmptyAsync"/>.
/// </summary>
public sealed class Begun : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> Folder = new(() => MigrateAsync());
    private static readonly Lazy<Task<TestDatabase>> Database = new(MakeDatabaseAsync);

    internal static async Task<TestDatabase> CopyDatabaseAsync() => await TestDatabase.CreateAsync(like: await Database.Value);

    internal static async Task CopyFolderAsync(string folder)
    {
        using var copy = Process.Start("cp", ["-a", Path.Combine(await Folder.Value, ".ordersaga"), folder]);
        await copy.WaitForExitAsync();
        Assert.Equal(0, copy.ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        if (Folder.IsValueCreated)
            Directory.Delete(await Folder.Value, recursive: true);
        if (Database.IsValueCreated)
            await (await Database.Value).DisposeAsync();
    }

    private static async Task<TestDatabase> MakeDatabaseAsync()
    {
        var database = await TestDatabase.CreateAsync();
        Directory.Delete(await MigrateAsync("--Database:Provider", "Postgres", "--Database:ConnectionString", database.ConnectionString));
        return database;
    }

    private static async Task<string> MigrateAsync(params string[] more)
    {
        var folder = Directory.CreateTempSubdirectory("ordersaga-").FullName;
        var run = await Command.RunAsync(folder, ["migrate", .. more], CancellationToken.None);
        Assert.True(run.ExitCode == 0, run.Error);
        return folder;
    }
}
