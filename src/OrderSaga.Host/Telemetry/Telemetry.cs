using System.Globalization;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using OrderSaga.Messaging.Http;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Host.Telemetry;

/// <summary>What the program says of itself to those who watch over it: at /metrics, and by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT says to whom.</summary>
internal static class Telemetry
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddTelemetry(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        services.AddMetrics();
        services.AddSingleton<Exposition>();
        services.AddSingleton(provider =>
        {
            var builder = Sdk.CreateMeterProviderBuilder().ConfigureServices(s => s.AddSingleton(configuration)).ConfigureResource(r => Name(r, settings)).AddMeter(Meters.Name)
                .AddReader(provider.GetRequiredService<Exposition>().Reader);
            return (Exports(configuration, "METRICS") ? builder.AddOtlpExporter() : builder).Build();
        });
        services.AddHostedService<Watched>();
        if (Exports(configuration, "TRACES"))
            services.AddSingleton(_ => Sdk.CreateTracerProviderBuilder().ConfigureServices(s => s.AddSingleton(configuration)).ConfigureResource(r => Name(r, settings))
                .AddSource(SagaTrace.Source.Name, "Microsoft.AspNetCore", "System.Net.Http", "MassTransit", "Npgsql")
                .SetSampler(new ParentBasedSampler(new OrdersOnly(Share(configuration)))).AddProcessor(new NamesSaga()).AddOtlpExporter().Build());
    }

    public static void MapMetrics(this IEndpointRouteBuilder app) =>
        app.MapGet("/metrics", async (Exposition exposition, IEnumerable<Look> looks) =>
        {
            await Task.WhenAll(looks.Select(l => l.FreshenAsync()));
            return Results.Text(exposition.Collect(), Exposition.ContentType);
        }).ForWatchers().DisableRateLimiting().ExcludeFromDescription();

    private static bool Exports(IConfiguration configuration, string signal) =>
        !string.IsNullOrWhiteSpace(configuration[Endpoint]) || !string.IsNullOrWhiteSpace(configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"]);

    // Of the traces that begin here; what comes in one that is recorded, is.
    private static double Share(IConfiguration configuration) =>
        double.TryParse(configuration["OTEL_TRACES_SAMPLER_ARG"], CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1 ? share : 1;

    private static void Name(ResourceBuilder resource, Settings settings)
    {
        var roles = Settings.AllRoles.Where(settings.Roles.Contains);
        resource.AddService("ordersaga", serviceInstanceId: $"{Environment.MachineName}:{Environment.ProcessId}")
            .AddAttributes([new("ordersaga.roles", string.Join(',', roles))])
            .AddEnvironmentVariableDetector();
    }

    // There before anything is counted, and flushed when all has ended.
    private sealed class Watched(MeterProvider meters, TracerProvider? traces = null) : IHostedService
    {
        private const int Patience = 2_000;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.Run(() => meters.ForceFlush(Patience) & traces?.ForceFlush(Patience) ?? true, CancellationToken.None);
    }
}
