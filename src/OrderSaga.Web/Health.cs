using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Web;

/// <summary>Live: the process answers. Ready: it can do its work now; each part says what is wrong and what helps. For every process, whatever its roles.</summary>
public static class Health
{
    // MassTransit's own check, in whose place is one that says what helps.
    private const string Bus = "masstransit-bus";

    public static void AddHealth(this IServiceCollection services)
    {
        services.AddHealthChecks();
        services.AddSingleton<Readiness>();
    }

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        // Who watches the process is not to be told that he asks too often.
        var health = app.MapGroup("").DisableRateLimiting();
        foreach (var path in new[] { "/health/live", "/alive" })
            health.MapGet(path, () => Results.Json(new { status = $"{HealthStatus.Healthy}" }));
        foreach (var path in new[] { "/health/ready", "/health" })
            health.MapGet(path, ReadyAsync);
    }

    private static async Task<IResult> ReadyAsync(HttpContext http, Readiness readiness, IHostApplicationLifetime host)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (host.ApplicationStopping.IsCancellationRequested)
            return Results.Json(
                new { status = $"{HealthStatus.Unhealthy}", checks = new { process = new { status = $"{HealthStatus.Unhealthy}", description = "It is about to stop." } } },
                statusCode: StatusCodes.Status503ServiceUnavailable);
        var report = await readiness.AskAsync().WaitAsync(http.RequestAborted).ConfigureAwait(false);
        return Results.Json(
            new
            {
                status = $"{report.Status}",
                checks = report.Entries.ToDictionary(e => e.Key, e => new { status = e.Value.Status.ToString(), description = Say(e.Value) }),
            },
            statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    // What an exception says stays in the log: it may name accounts and machines.
    private static string? Say(HealthReportEntry entry) =>
        entry.Status == HealthStatus.Healthy ? entry.Description
        : entry.Exception is { } e ? $"It could not be found out ({e.GetType().Name}); if the database is well, the log says more."
        : entry.Description;

    /// <summary>However many ask, it looks at most once a second, and says in the log when it changes.</summary>
    private sealed class Readiness(HealthCheckService checks, TimeProvider time, ILogger<Readiness> log)
    {
        private static readonly TimeSpan Kept = TimeSpan.FromSeconds(1);

        private readonly Lock turn = new();
        private Task<HealthReport>? last;
        private long at;
        private HealthStatus? told;

        public Task<HealthReport> AskAsync()
        {
            lock (turn)
            {
                var fresh = last is { IsCompleted: false } || (last is { IsCompletedSuccessfully: true } && time.GetElapsedTime(at) < Kept);
                if (!fresh)
                    (last, at) = (LookAsync(), time.GetTimestamp());
                return last!;
            }
        }

        private async Task<HealthReport> LookAsync()
        {
            // Nobody's request ends it: others wait for the same answer.
            var report = await checks.CheckHealthAsync(check => check.Name != Bus, CancellationToken.None).ConfigureAwait(false);
            // What is only about to start has its own words for what it waits for.
            if (report.Status == told || (told is null && report.Status == HealthStatus.Unhealthy))
                return report;
            var first = told is null;
            told = report.Status;
            var wrong = report.Entries.Where(e => e.Value.Status != HealthStatus.Healthy).ToList();
            if (wrong.Count == 0 && !first)
                log.LogInformation("Ready again");
            else if (wrong.Count > 0)
                log.LogWarning(wrong.Select(e => e.Value.Exception).FirstOrDefault(e => e is not null), "{Status}: {Wrong}",
                    told == HealthStatus.Degraded ? "Degraded" : "Not ready", string.Join(' ', wrong.Select(e => Say(e.Value))));
            return report;
        }
    }
}
