using System.Globalization;
using OrderSaga.Host;
using OrderSaga.Host.Commands;
using OrderSaga.Host.Reconciliation;
using OrderSaga.Host.Telemetry;
using OrderSaga.Messaging.Http;
using OrderSaga.Services;
using OrderSaga.Web;

// Whatever the machine's language: numbers and dates look the same in every log, message and column.
CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

if (await CommandLine.TryRunAsync(args) is { } exitCode)
    return exitCode;

Traces.KeepBaggage();
var builder = Start.Configured(args is ["run", ..] ? args[1..] : args);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = OrdersApi.LargestBody);
try
{
    var settings = Settings.Read(builder.Configuration, builder.Environment.IsDevelopment());
    await using var embedded = settings.Database.Provider == DatabaseSettings.Embedded ? await Start.EmbeddedAsync(builder.Logging, settings.Database) : null;
    var databaseOf = settings.Database.Open(embedded?.ConnectionString);
    builder.Services.AddRoles(settings, databaseOf);
    builder.Services.AddSingleton(OperatorKeys.Of(builder.Configuration));
    builder.Services.AddProblems();
    builder.Services.AddHealth();
    builder.Services.AddTelemetry(builder.Configuration, settings);
    if (settings.Roles.Contains("web"))
    {
        builder.Services.AddWeb(provider => new HostBooks(settings, databaseOf, provider, provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddReconciliationWatch(settings, databaseOf);
    }

    // Not disposed when the start fails: a bus that never started takes a minute to stop.
    var app = builder.Build();
    app.UseTraces();
    app.UseProblems();
    app.MapHealth();
    app.MapMetrics();
    if (settings.Roles.Contains("web"))
    {
        app.MapWeb();
        app.MapReconciliation();
        app.MapStepLogs();
    }

    app.MapRoles(settings);
    if (settings.Payment.HostsSimulator)
        app.MapGatewaySimulator();
    Listening.Check(app);
    await app.StartAsync();
    Listening.Tell(app);
    Start.Tell(settings, app.Urls);
    return await Stop.WhenToldAsync(app, embedded);
}
catch (OperationCanceledException)
{
    Console.WriteLine("Stopped before it had started");
    return 0;
}
catch (Exception e)
{
    Console.Error.WriteLine(Start.Explain(e));
    return 1;
}
