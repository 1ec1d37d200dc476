using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web;

/// <summary>Which alerts there were, and whether they arrived.</summary>
internal static class AlertsApi
{
    internal sealed record Found(IReadOnlyList<AlertLine> Alerts, string? Next);

    public static void MapAlerts(this IEndpointRouteBuilder app)
    {
        app.MapGet("/ops/alerts", ListAsync).ForReaders()
            .WithSummary("List alerts")
            .WithDescription("The last first. `state` is waiting (it is tried again), delivered, givenUp (nobody took it, half a day long) or kept (there was nobody to deliver it to).")
            .Answers(200, "The alerts of a page.", typeof(Found))
            .Refuses(400, "question-invalid", "a filter is unknown or wrong; `errors` names it");
        app.MapPost("/ops/alerts/{id:guid}/resend", ResendAsync).ForOperators()
            .WithSummary("Send an alert again")
            .WithDescription("Whatever became of it before. To its receiver it has the same id.")
            .Answers(202, "It is delivered as soon as its receiver takes it.", typeof(AlertLine))
            .Refuses(404, "alert-unknown", "there is no such alert");
    }

    private static async Task<IResult> ListAsync(HttpRequest request, AlertDesk desk, string? state, string? orderId, string? page, CancellationToken ct)
    {
        var wrong = Question.Unknown(request, "state", "orderId", "page");
        var (stands, order) = (Question.OneOf(wrong, "state", state, AlertState.All), Question.Id(wrong, "orderId", orderId));
        if (wrong.Count > 0)
            return Problems.Invalid("question", wrong);
        return await desk.ListAsync(order, stands, Question.Given(page), ct).ConfigureAwait(false) is { } found ? Results.Ok(new Found(found.Items, found.Next)) : Question.NoSuchPage();
    }

    private static async Task<IResult> ResendAsync(Guid id, HttpContext http, AlertDesk desk, CancellationToken ct) =>
        await desk.ResendAsync(id, http.Operator(), ct).ConfigureAwait(false) is { } alert
            ? Results.Accepted($"/ops/alerts?orderId={alert.OrderId}", alert)
            : Problems.Of(404, "alert-unknown", "There is no such alert.", $"No alert has the id {id}.");
}
