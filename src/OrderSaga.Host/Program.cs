using System.Globalization;
using OrderSaga.Host;
using OrderSaga.Host.Embedded;
using OrderSaga.Host.Reconciliation;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;
using OrderSaga.Services;
using OrderSaga.Web;

// Whatever the machine's language: numbers and dates look the same in every log, message and column.
CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

if (args is ["help" or "--help" or "-h", ..])
{
    Console.WriteLine("""
        ordersaga [run] [--roles ROLE,..] [--urls URL] [--Section:Key VALUE ..]   run the shop, or some of its roles
        ordersaga migrate [--script] [--roles ROLE,..] [--Section:Key VALUE ..]   bring the databases to this version, or print the SQL that does
        ordersaga diagram [--cells]                                               the saga as Mermaid, or its state-event table as Markdown
        ordersaga help                                                            this text

        Roles: orchestrator, web, orders, inventory, pricing, payment, shipping, notification (all, if none is named).
        Every key of appsettings.json can also be set in the environment, with __ for the colon.
        """);
    return 0;
}

if (args is ["diagram", ..])
{
    Console.Write(args is [_, "--cells"] ? Diagram.Cells() : Diagram.Mermaid());
    return 0;
}

if (args is ["migrate", ..])
    return await Migrate.RunAsync(args[1..]);

if (args is [var command, ..] && command != "run" && !command.StartsWith('-'))
{
    Console.Error.WriteLine($"There is no command '{command}'. Commands: run, migrate, diagram, help.");
    return 2;
}

var builder = Start.Configured(args is ["run", ..] ? args[1..] : args);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = OrdersApi.LargestBody);
try
{
    var settings = Settings.Read(builder.Configuration, builder.Environment.IsDevelopment());
    await using var embedded = settings.Database.Provider == DatabaseSettings.Embedded ? await Start.EmbeddedAsync(builder.Logging) : null;
    var databaseOf = settings.Database.Open(embedded?.ConnectionString);
    builder.Services.AddRoles(settings, databaseOf);
    builder.Services.AddSingleton(OperatorKeys.Of(builder.Configuration));
    builder.Services.AddProblems();
    if (settings.Roles.Contains("web"))
        builder.Services.AddWeb();

    // Not disposed when the start fails: a bus that never started takes a minute to stop.
    var app = builder.Build();
    app.UseProblems();
    if (settings.Roles.Contains("web"))
    {
        app.MapWeb();
        app.MapReconciliation(settings, databaseOf);
        app.MapStepLogs(settings, databaseOf);
    }

    app.MapRoles(settings);
    if (settings.Payment.HostsSimulator)
        app.MapGatewaySimulator();
    Listening.Check(app);
    await app.StartAsync();
    Listening.Tell(app);
    Start.Tell(settings, app.Urls);
    await app.WaitForShutdownAsync();
    await app.DisposeAsync();
    return 0;
}
catch (Exception e) when (e is SettingsException or EmbeddedPostgresException or SchemaException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
