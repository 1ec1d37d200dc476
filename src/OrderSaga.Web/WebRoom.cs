using System.Data.Common;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Web;

/// <summary>The web's place in a host.</summary>
public static class WebRoom
{
    public static void AddWeb(this IServiceCollection services) =>
        services.AddHealthChecks().AddCheck<Health.Database>("database").AddCheck<Health.Routes>("routes");

    public static void MapWeb(this WebApplication app)
    {
        app.MapHealth();
        app.MapOrders();
        app.MapCancel();
        app.MapClock();
        app.MapOps();
    }

    /// <summary>Whatever a process shows by HTTP, it says what is wrong the same way.</summary>
    public static void AddProblems(this IServiceCollection services)
    {
        services.AddProblemDetails();
        services.AddExceptionHandler<DatabaseAway>();
    }

    /// <inheritdoc cref="AddProblems"/>
    public static void UseProblems(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
    }

    // An outage is not an error of the client's, and not a bug: it is said as what it is, with when to come back.
    private sealed class DatabaseAway(IProblemDetailsService problems, ILogger<DatabaseAway> log) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
        {
            if (exception is not DbException && exception.InnerException is not DbException)
                return false;
            log.LogError(exception, "The database did not answer");
            httpContext.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            httpContext.Response.Headers.RetryAfter = "5";
            return await problems.TryWriteAsync(new ProblemDetailsContext
            {
                HttpContext = httpContext,
                ProblemDetails = { Status = 503, Type = "database-away", Title = "The database does not answer.", Detail = "Nothing was stored. Try again in a few seconds." },
            }).ConfigureAwait(false);
        }
    }
}
