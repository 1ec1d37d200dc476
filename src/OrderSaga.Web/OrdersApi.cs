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
        app.MapPost("/orders", PlaceAsync).WithMetadata(new RateLimit.AnOrder())
            .WithName(Examples.Of)
            .WithSummary("Place an order")
            .WithDescription("Answered as soon as the order is stored; from then on it comes to rest whatever happens, and can be read. Who wants to wait for its end says so by `Prefer: wait`.")
            .Accepts<NewOrder>("application/json")
            .Answers(202, "Taken in, and on its way.", typeof(OrderView))
            .Answers(201, "Complete, when it was waited for.", typeof(OrderView))
            .Refuses(400, "order-invalid", "a field is missing or wrong; `errors` names it")
            .Refuses(403, "faults-not-honoured", "the order plans faults, and this shop does not play")
            .Refuses(413, "body-too-large", "the body has more than 64 KiB")
            .Refuses(415, "not-json", "the body is not JSON in UTF-8")
            .Refuses(422, "idempotency-key-reused", "the customer used the key for an order with other content")
            .Refuses(422, "order-not-completed", "it was waited for, and was undone; or is still to be")
            .Heeds("Idempotency-Key", "1 to 200 visible characters. The same customer, key and content again is the same order, not a second one.", "3f1c-42")
            .Heeds("Prefer", $"`wait=10`: answer when the order is at rest, or after so many seconds (at most {LongestWait}).", "wait=10")
            .Sends("Location", "Where the order can be read.", 201, 202, 422)
            .Sends("Retry-After", "When to look again, in seconds.", 202)
            .Sends("ETag", "The version of the order.", 201, 202)
            .Sends("Idempotency-Replayed", "true, if an earlier request had placed the order.", 201, 202)
            .Sends("Preference-Applied", "The wait that was heeded.", 201, 202, 422);
        app.MapGet("/orders/{orderId:guid}", ReadAsync)
            .WithName("readOrder")
            .WithSummary("Read an order")
            .Answers(200, "The order as it stands.", typeof(OrderView))
            .Answers(304, "It is as the client knows it.")
            .Refuses(404, "order-unknown", "there is no such order")
            .Heeds("If-None-Match", "The ETag that the client knows.", "\"7\"")
            .Sends("ETag", "The version of the order.", 200, 304);
        app.MapGet("/orders/{orderId:guid}/events", (Guid orderId, HttpContext http, OrderEvents events, CancellationToken ct) => events.StreamAsync(orderId, http, ct))
            .WithName("followOrder")
            .WithSummary("Follow an order")
            .WithDescription("Server-sent events of every change, until the order is at rest: `id` is the order's version, `data` the order as GET shows it.")
            .Answers(200, "The changes that have been, and those that come.", typeof(string), "text/event-stream")
            .Answers(204, "The order is at rest, and there is nothing that the client has not seen.")
            .Refuses(400, "question-invalid", "`Last-Event-ID` is no id of an event")
            .Refuses(404, "order-unknown", "there is no such order")
            .Refuses(503, "too-many-streams", "more clients follow orders than this process takes; `Retry-After` says when to come back")
            .Heeds("Last-Event-ID", "The last event that the client has seen: it gets those after it.", "3");
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
        var order = accepted.New is { } taken && patience == TimeSpan.Zero ? taken : (await queries.WaitAsync(accepted.OrderId, patience, ct).ConfigureAwait(false))!;
        var location = $"/orders/{order.OrderId}";
        if (patience > TimeSpan.Zero && order.AtRest() && order.Status != "Completed")
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

        headers.ETag = ETag(order);
        if (patience > TimeSpan.Zero && order.Status == "Completed")
            return Results.Created(location, order);
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
