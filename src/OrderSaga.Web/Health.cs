using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>Live: the process answers. Ready: it can do its work now; each part says what is wrong.</summary>
internal static class Health
{
    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        foreach (var path in new[] { "/health/live", "/alive" })
            app.MapHealthChecks(path, new HealthCheckOptions { Predicate = _ => false, ResponseWriter = WriteAsync });
        foreach (var path in new[] { "/health/ready", "/health" })
            app.MapHealthChecks(path, new HealthCheckOptions { ResponseWriter = WriteAsync });
    }

    private static Task WriteAsync(HttpContext http, HealthReport report) => http.Response.WriteAsJsonAsync(new
    {
        status = report.Status.ToString(),
        checks = report.Entries.ToDictionary(e => e.Key, e => new { status = e.Value.Status.ToString(), e.Value.Description }),
    });

    internal sealed class Database(Queries queries) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            await queries.CanReachDatabaseAsync(cancellationToken).ConfigureAwait(false)
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("The orchestrator's database does not answer: see that it runs and that Database:ConnectionString is right.");
    }

    internal sealed class Routes(Queries queries) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            await queries.UnknownStepsAsync(cancellationToken).ConfigureAwait(false) is { Count: > 0 } unknown
                ? HealthCheckResult.Unhealthy($"Orders under way need the steps {string.Join(", ", unknown)}, which this version does not know: deploy one that has them, if only as Retired().")
                : HealthCheckResult.Healthy();
    }
}
