using OrderSaga.Host.Embedded;

namespace OrderSaga.Host;

/// <summary>What the program says of its start: one line per thing.</summary>
internal static class Start
{
    private const string Folder = ".ordersaga";

    public static async Task<EmbeddedPostgres> EmbeddedAsync(ILoggingBuilder logging)
    {
        using var services = logging.Services.BuildServiceProvider();
        using var interrupted = new CancellationTokenSource();
        void Interrupt(object? sender, ConsoleCancelEventArgs e)
        {
            e.Cancel = true;
            interrupted.Cancel();
        }

        Console.CancelKeyPress += Interrupt;
        try
        {
            var server = await EmbeddedPostgres.StartAsync(Path.GetFullPath(Folder), services.GetRequiredService<ILogger<EmbeddedPostgres>>(), interrupted.Token);
            Console.WriteLine($"Database: PostgreSQL {server.Version} of our own on port {server.Port}, data in {Folder}/");
            return server;
        }
        finally
        {
            Console.CancelKeyPress -= Interrupt;
        }
    }

    public static void Tell(Settings settings, IEnumerable<string> urls)
    {
        if (settings.DatabaseProvider == Settings.Postgres)
            Console.WriteLine("Database: PostgreSQL");
        Console.WriteLine(settings.TransportUri is { } uri ? $"Transport: RabbitMQ at {uri.Host}:{uri.Port}" : "Transport: in memory");
        Console.WriteLine($"Roles: {string.Join(", ", Settings.AllRoles.Where(settings.Roles.Contains))}");
        if (settings.Roles.Contains("web"))
            foreach (var url in urls)
                Console.WriteLine($"Console: {url}");
    }
}
