using OrderSaga.Host;
using OrderSaga.Host.Embedded;
using OrderSaga.Messaging.Databases;
using OrderSaga.Orchestrator;
using OrderSaga.Web;

if (args is ["help" or "--help" or "-h", ..])
{
    Console.WriteLine("""
        ordersaga [run] [--roles ROLE,..] [--urls URL] [--Section:Key VALUE ..]   run the shop, or some of its roles
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

if (args is [var command, ..] && command != "run" && !command.StartsWith('-'))
{
    Console.Error.WriteLine($"There is no command '{command}'. Commands: run, diagram, help.");
    return 2;
}

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args is ["run", ..] ? args[1..] : args, ContentRootPath = AppContext.BaseDirectory });
builder.Configuration.AddFileOfTheFolder();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = OrdersApi.LargestBody);
try
{
    var settings = Settings.Read(builder.Configuration);
    await using var embedded = settings.DatabaseProvider == Settings.Embedded ? await Start.EmbeddedAsync(builder.Logging) : null;
    // One pool per database, however many roles share it.
    var databases = new Dictionary<string, Database>();
    builder.Services.AddRoles(settings, role =>
    {
        var connection = embedded?.ConnectionString ?? settings.DatabaseOf(role)!;
        return databases.TryGetValue(connection, out var known) ? known : databases[connection] = Database.Postgres(connection);
    });
    if (settings.Roles.Contains("web"))
        builder.Services.AddWeb();

    // Not disposed when the start fails: a bus that never started takes a minute to stop.
    var app = builder.Build();
    if (settings.Roles.Contains("web"))
        app.MapWeb();
    await app.StartAsync();
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
