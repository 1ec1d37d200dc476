using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using OrderSaga.Messaging.Http;
using OrderSaga.Messaging.Steps;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>The public API: place an order, see it through.</summary>
public static class OrdersApi
{
    public const int LargestBody = 64 * 1024;
    private const int LongestWait = 60;
    private const int LongestKey = 200;

    public static void MapOrders(this IEndpointRouteBuilder app)
    {
        app.MapPost("/orders", PlaceAsync).WithMetadata(new RateLimit.AnOrder());
        app.MapGet("/orders/{orderId:guid}", ReadAsync);
        app.MapGet("/orders/{orderId:guid}/events", (Guid orderId, HttpContext http, OrderEvents events, CancellationToken ct) => events.StreamAsync(orderId, http, ct));
    }

    private static async Task<IResult> PlaceAsync(HttpContext http, Intake intake, Queries queries, FaultPlans plans, CancellationToken ct)
    {
        var (order, refusal) = await JsonBody.ReadAsync<NewOrder>(http.Request, "order", ct).ConfigureAwait(false);
        if (order is null)
            return refusal!;
        var faults = order.Faults ?? [];
        if (order.Faults is not null && !plans.Honoured)
            return Problems.Of(403, "faults-not-honoured", "Fault plans are not honoured here.", "Leave out 'faults', or set Faults:Enabled where orders are only tried out.");
        var (key, goodKey) = Key(http.Request);
        var submission = order.ToSubmission();
        var wrong = intake.Check(submission).Concat(intake.Check(faults)).ToDictionary();
        if (!goodKey)
            wrong["Idempotency-Key"] = [$"A key has 1 to {LongestKey} visible characters, and is sent once."];
        if (wrong.Count > 0)
            return Problems.Invalid("order", wrong);
        try
        {
            var accepted = await intake.SubmitAsync(submission, key, ct, faults).ConfigureAwait(false);
            return await AnswerAsync(http, accepted, queries, ct).ConfigureAwait(false);
        }
        catch (IdempotencyKeyReusedException e)
        {
            return Problems.Of(422, "idempotency-key-reused", "The idempotency key was used for another order.", e.Message);
        }
    }

    private static async Task<IResult> AnswerAsync(HttpContext http, Accepted accepted, Queries queries, CancellationToken ct)
    {
        var headers = http.Response.Headers;
        if (accepted.Replayed)
            headers["Idempotency-Replayed"] = "true";
        var patience = Patience(http.Request);
        if (patience > TimeSpan.Zero)
            headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={patience.TotalSeconds}");
        var order = (await queries.WaitAsync(accepted.OrderId, patience, ct).ConfigureAwait(false))!;
        var location = $"/orders/{order.OrderId}";
        headers.ETag = ETag(order);
        if (patience > TimeSpan.Zero && order.Status == "Completed")
            return Results.Created(location, order);
        if (patience > TimeSpan.Zero && order.AtRest())
        {
            headers.Location = location;
            return Results.Problem(
                statusCode: 422,
                type: "order-not-completed",
                title: "The order was not completed.",
                detail: order.Status == "Cancelled" ? $"It was undone: {order.Reason}." : $"Some of it is still to be undone: {order.Reason}.",
                extensions: new Dictionary<string, object?>
                {
                    ["orderId"] = order.OrderId,
                    ["state"] = order.State,
                    ["reason"] = order.Reason,
                    ["compensated"] = order.Status == "Cancelled",
                });
        }

        headers.RetryAfter = "1";
        return Results.Accepted(location, order);
    }

    private static async Task<IResult> ReadAsync(Guid orderId, HttpContext http, Queries queries, CancellationToken ct)
    {
        var order = await queries.FindAsync(orderId, ct).ConfigureAwait(false);
        if (order is null)
            return Unknown(orderId);
        http.Response.Headers.ETag = ETag(order);
        return Knows(http.Request, ETag(order)) ? Results.StatusCode(StatusCodes.Status304NotModified) : Results.Ok(order);
    }

    internal static IResult Unknown(Guid orderId) => Problems.Of(404, "order-unknown", "There is no such order.", $"No order has the id {orderId}.");

    private static (string? Key, bool Good) Key(HttpRequest request) => request.Headers["Idempotency-Key"] switch
    {
        [] => (null, true),
        [{ Length: > 0 and <= LongestKey } key] when key.All(c => c is > ' ' and < '\x7f') => (key, true),
        _ => (null, false),
    };

    // What cannot be read as tags is as if it were not sent, and * is any.
    private static bool Knows(HttpRequest request, string tag)
    {
        var current = new EntityTagHeaderValue(tag);
        return request.GetTypedHeaders().IfNoneMatch.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(current, useStrongComparison: false));
    }

    private static TimeSpan Patience(HttpRequest request)
    {
        foreach (var preference in request.Headers["Prefer"].SelectMany(p => p!.Split(',', StringSplitOptions.TrimEntries)))
            if (preference.StartsWith("wait=", StringComparison.OrdinalIgnoreCase)
                && int.TryParse(preference.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                return TimeSpan.FromSeconds(Math.Min(seconds, LongestWait));
        return TimeSpan.Zero;
    }

    private static string ETag(OrderView order) => string.Create(CultureInfo.InvariantCulture, $"\"{order.Version}\"");
}
