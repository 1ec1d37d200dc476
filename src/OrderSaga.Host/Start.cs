using System.Data.Common;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.FileProviders;
using OrderSaga.Host.Embedded;
using OrderSaga.Messaging.Databases;

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
        // Looked at every few seconds: to be told of a change is to be told of every write below that folder, those of the embedded database too.
        var folder = new PhysicalFileProvider(Directory.GetCurrentDirectory()) { UsePollingFileWatcher = true, UseActivePolling = true };
        var file = new JsonConfigurationSource { FileProvider = folder, Path = "appsettings.json", Optional = true, ReloadOnChange = true };
        sources.Insert(sources.IndexOf(last) + 1, file);
        // That it cannot start is said once, as a sentence and without a trace.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => level is LogLevel.Warning or LogLevel.Error);
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

    /// <summary>Why the start failed, with what helps.</summary>
    public static string Explain(Exception e) => e switch
    {
        SettingsException or EmbeddedPostgresException or SchemaException => e.Message,
        IOException { InnerException: AddressInUseException } => $"{e.Message} Another program listens there, perhaps another OrderSaga: stop it, or choose another address with --urls http://127.0.0.1:5081.",
        SocketException { SocketErrorCode: SocketError.AccessDenied or SocketError.AddressNotAvailable } => $"The address of Urls cannot be listened on: {e.Message}. Choose another with --urls http://127.0.0.1:5080.",
        _ when Causes(e).OfType<DbException>().FirstOrDefault() is { } refused => $"The database refused what the start needs: {refused.Message} See that Database:ConnectionString names the right server, account and password, and that the account may change tables, or has an 'ordersaga migrate' done before.",
        _ => $"The start failed for a reason that was not foreseen: {e.GetType().Name}: {e.Message} (--Logging:LogLevel:Default Debug shows more.)",
    };

    private static IEnumerable<Exception> Causes(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            yield return e;
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
        else
            foreach (var url in urls)
                Console.WriteLine($"Listening: {url}");
    }
}
