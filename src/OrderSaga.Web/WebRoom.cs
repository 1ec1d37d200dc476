using System.Data.Common;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Web.Pages;

namespace OrderSaga.Web;

/// <summary>The web's place in a host.</summary>
public static class WebRoom
{
    /// <summary>What is wrong with the section Web.</summary>
    public static IEnumerable<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) => WebOptions.Check(configuration);

    /// <param name="services">The host's.</param>
    /// <param name="books">Reads what every service has written in its own books.</param>
    public static void AddWeb<TBooks>(this IServiceCollection services, Func<IServiceProvider, TBooks> books)
        where TBooks : class, IBooks
    {
        services.AddSingleton(books);
        services.AddSingleton<IBooks>(provider => provider.GetRequiredService<TBooks>());
        services.AddSection<WebOptions>(WebOptions.Section);
        services.AddRateLimit();
        services.AddDescription();
        services.AddSingleton<OrderEvents>();
        services.AddOperatorsDesk();
        services.AddSingleton<Bulk>();
        services.AddSingleton<Many>();
        services.AddSingleton<AuditTrail>();
        services.AddPages();
    }

    public static void MapWeb(this WebApplication app)
    {
        app.UseRateLimit();
        app.UseResponseCompression();
        app.MapPages();
        app.MapOrders();
        app.MapCancel();
        app.MapClock();
        app.MapOps();
        app.MapDeadLetters();
        app.MapAlerts();
        app.MapBulk();
        app.MapDescription();
    }

    /// <summary>Whatever a process shows by HTTP, it says what is wrong the same way.</summary>
    public static void AddProblems(this IServiceCollection services)
    {
        services.AddSingleton<IProblemDetailsWriter, ProblemWriter>();
        services.AddProblemDetails();
        services.AddExceptionHandler<Failures>();
        services.AddSingleton<Farewell>();
        services.AddHostedService(provider => provider.GetRequiredService<Farewell>());
    }

    /// <inheritdoc cref="AddProblems"/>
    public static void UseProblems(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use(app.Services.GetRequiredService<Farewell>().InvokeAsync);
    }

    // An outage is not an error of the client's, and not a bug: it is said as what it is, with when to come back.
    private sealed class Failures(IProblemDetailsService problems, ILogger<Failures> log) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
        {
            ProblemDetails? problem = exception switch
            {
                BadHttpRequestException e => new() { Status = e.StatusCode, Type = "request-invalid", Title = "The request is not valid.", Detail = e.Message },
                _ when exception is DbException or { InnerException: DbException } || Database.IsAway(exception) =>
                    new() { Status = StatusCodes.Status503ServiceUnavailable, Type = "database-away", Title = "The database does not answer.", Detail = "Nothing was stored. Try again in a few seconds." },
                _ => null,
            };
            if (problem is null)
                return false;
            if (problem.Status == StatusCodes.Status503ServiceUnavailable)
            {
                log.LogError(exception, "The database did not answer");
                httpContext.Response.Headers.RetryAfter = "5";
            }

            return await problems.TryWriteAsync(new() { HttpContext = httpContext, ProblemDetails = problem }).ConfigureAwait(false);
        }
    }
}
