using Microsoft.Extensions.Configuration.Json;
using OrderSaga.Host.Embedded;

namespace OrderSaga.Host;

/// <summary>What the program says of its start: one line per thing.</summary>
internal static class Start
{
    /// <summary>Where the embedded database is, in the folder where the program is started.</summary>
    public const string Folder = ".ordersaga";

    /// <summary>Where the embedded server of this folder has its data.</summary>
    public static string EmbeddedFolder => Path.GetFullPath(Folder);

    /// <summary>
    /// The program's own appsettings.json holds the defaults; one in the folder where it is started overrides them, below environment and
    /// command line, and is read again when it changes.
    /// </summary>
    public static WebApplicationBuilder Configured(string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        var sources = ((IConfigurationBuilder)builder.Configuration).Sources;
        var last = sources.Last(s => s is JsonConfigurationSource);
        var file = new JsonConfigurationSource { Path = Path.GetFullPath("appsettings.json"), Optional = true, ReloadOnChange = true };
        file.ResolveFileProvider();
        sources.Insert(sources.IndexOf(last) + 1, file);
        return builder;
    }

    public static async Task<EmbeddedPostgres> EmbeddedAsync(ILoggingBuilder logging, DatabaseSettings database)
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
            var server = await EmbeddedPostgres.StartAsync(EmbeddedFolder, database.EmbeddedPrograms, services.GetRequiredService<ILogger<EmbeddedPostgres>>(), interrupted.Token);
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
        if (settings.Database.Provider != DatabaseSettings.Embedded)
            Console.WriteLine($"Database: {(settings.Database.Provider == DatabaseSettings.SqlServer ? "SQL Server" : "PostgreSQL")}");
        Console.WriteLine(settings.TransportUri is { } uri ? $"Transport: RabbitMQ at {uri.Host}:{uri.Port}" : "Transport: in memory");
        if (settings.Payment.HostsSimulator)
            Console.WriteLine("Payment gateway: a simulator, at /gateway/charges");
        Console.WriteLine($"Roles: {string.Join(", ", Settings.AllRoles.Where(settings.Roles.Contains))}");
        if (settings.Roles.Contains("web"))
            foreach (var url in urls)
                Console.WriteLine($"Console: {url}");
    }
}
