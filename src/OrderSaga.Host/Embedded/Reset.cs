using Microsoft.Extensions.Logging.Abstractions;

namespace OrderSaga.Host.Embedded;

/// <summary>The command reset: removes the data of this folder, so that the next start begins anew.</summary>
internal static class Reset
{
    private const string Yes = "yes";

    public static async Task<int> RunAsync(string folder, string[] args)
    {
        if (args.FirstOrDefault(a => a != "--yes") is { } unknown)
        {
            Console.Error.WriteLine($"reset does not know '{unknown}'. It removes the data of the folder where it is started: ordersaga reset [--yes]");
            return 2;
        }

        if (!Directory.Exists(folder))
        {
            Console.WriteLine($"There is nothing to remove: {folder} does not exist.");
            return 0;
        }

        try
        {
            using var held = PostgresFolder.Hold(folder, NullLogger.Instance);
            return await RemoveAsync(held, args.Length > 0);
        }
        catch (Exception e) when (e is EmbeddedPostgresException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static async Task<int> RemoveAsync(PostgresFolder folder, bool sure)
    {
        if (!sure && !Asked(folder))
        {
            Console.Error.WriteLine($"Nothing was removed. Answer '{Yes}' to remove it, or add --yes.");
            return 1;
        }

        if (Postmaster.Running(folder.Data) is { } server)
        {
            if (!File.Exists(folder.PasswordFile) || !await server.ProvesAsync(folder.Data, folder.ReadPassword(), CancellationToken.None))
            {
                Console.Error.WriteLine($"Nothing was removed: a PostgreSQL (process {server.Id}) seems to be at work in {folder.Data}, but it does not prove to be the shop's. End that process, then try again.");
                return 1;
            }

            await server.EndAsync(CancellationToken.None);
            Console.WriteLine($"Ended the PostgreSQL that the last run had left behind (process {server.Id}).");
        }

        var others = folder.Remove();
        Console.WriteLine($"Removed {folder.Area}.");
        Console.WriteLine(others is null ? $"Removed {folder.Root}. The next start begins anew." : $"{folder.Root} stays, for it holds what is not ours: {others}. The next start begins anew.");
        return 0;
    }

    private static bool Asked(PostgresFolder folder)
    {
        Console.Write($"This removes all orders and everything else that the shop keeps in {folder.Area}. Type '{Yes}' to go on: ");
        return Console.ReadLine()?.Trim() == Yes;
    }
}
