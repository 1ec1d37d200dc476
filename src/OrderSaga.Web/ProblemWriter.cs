using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace OrderSaga.Web;

/// <summary>Writes every problem the same way, whatever the client says it accepts: with all its members, and the id under which the log speaks of it.</summary>
internal sealed class ProblemWriter : IProblemDetailsWriter
{
    public bool CanWrite(ProblemDetailsContext context) => true;

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var (http, problem) = (context.HttpContext, context.ProblemDetails);
        var status = problem.Status ??= http.Response.StatusCode;
        http.Response.StatusCode = status;
        problem.Type ??= Name(status);
        problem.Title ??= ReasonPhrases.GetReasonPhrase(status);
        problem.Detail ??= Detail(http, status);
        problem.Extensions["traceId"] = Activity.Current?.Id ?? http.TraceIdentifier;
        await http.Response.WriteAsJsonAsync(problem, problem.GetType(), options: null, "application/problem+json", http.RequestAborted).ConfigureAwait(false);
    }

    // Of what nobody has said more about: not-found, method-not-allowed.
    private static string Name(int status) =>
        ReasonPhrases.GetReasonPhrase(status) is { Length: > 0 } phrase ? phrase.ToLowerInvariant().Replace(' ', '-') : string.Create(CultureInfo.InvariantCulture, $"status-{status}");

    private static string Detail(HttpContext http, int status) => status switch
    {
        StatusCodes.Status404NotFound => $"There is nothing at {http.Request.Path}.",
        StatusCodes.Status405MethodNotAllowed => $"{http.Request.Path} takes {http.Response.Headers.Allow}, not {http.Request.Method}.",
        >= 500 => "It is not the request's fault. The log says more, under the traceId.",
        _ => "The request could not be taken as it is.",
    };
}
