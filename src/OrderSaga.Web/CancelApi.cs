using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>A customer, who knows the order's id, wants it undone.</summary>
internal static class CancelApi
{
    private sealed record Cancel(string? Reason);

    public static void MapCancel(this IEndpointRouteBuilder app) => app.MapPost("/orders/{orderId:guid}/cancel", CancelAsync);

    private static async Task<IResult> CancelAsync(Guid orderId, HttpContext http, Operations operations, Queries queries, CancellationToken ct)
    {
        var (cancel, refusal) = http.HasBody() ? await JsonBody.ReadAsync<Cancel>(http.Request, "cancel", ct).ConfigureAwait(false) : (new(null), null);
        if (cancel is null)
            return refusal!;
        if (Operations.Check(("reason", cancel.Reason, Operations.LongestReason, false)) is { Count: > 0 } wrong)
            return Problems.Invalid("cancel", wrong);
        var outcome = await operations.CancelAsync(orderId, cancel.Reason, actor: null, ct).ConfigureAwait(false);
        if (outcome.Answer is Answer.Unknown or Answer.Refused)
            return outcome.Problem();
        var order = await queries.FindAsync(orderId, ct).ConfigureAwait(false);
        if (outcome.Answer == Answer.Already)
            return Results.Ok(order);
        http.Response.Headers.RetryAfter = "1";
        return Results.Accepted($"/orders/{orderId}", order);
    }

    /// <summary>Whether anything was sent along.</summary>
    internal static bool HasBody(this HttpContext http) =>
        http.Request.ContentLength is not 0 && http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != false;

    /// <summary>Why nothing was done.</summary>
    internal static IResult Problem(this Outcome outcome) => outcome.Answer == Answer.Unknown
        ? Problems.Of(404, "order-unknown", "There is no such order or step.", outcome.Why!)
        : Results.Problem(
            statusCode: 409,
            type: "not-possible-now",
            title: "That is not possible as the order stands.",
            detail: outcome.Why,
            extensions: new Dictionary<string, object?> { ["orderId"] = outcome.OrderId, ["state"] = outcome.State });
}
