using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrderSaga.Messaging;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>What operators do to one order, stuck undo or dead letter, done to all that a filter finds: the filters are those of the list.</summary>
internal static class BulkApi
{
    private static readonly string What = $"With all that the filters find (those of the list), in batches of 1, 5, 25 and so on, and at most {Bulk.MostAtOnce} in a call: `most` may be less. "
        + "`dryRun` only counts. Without a filter it takes `\"all\": true`. `next` of the answer is the `page` of a further call.";

    private delegate Task<Outcome> OnOrder(Operations operations, Guid orderId, string? reason, string actor, CancellationToken ct);

    public static void MapBulk(this IEndpointRouteBuilder app)
    {
        var act = app.MapGroup("/ops").ForOperators();
        Describe(act.MapPost("/orders/pause", OnOrders(paused: false, OpsApi.LongestText, (o, id, reason, actor, ct) => o.PauseAsync(id, reason, actor, ct))), "Pause orders", "");
        Describe(act.MapPost("/orders/resume", OnOrders(paused: true, OpsApi.LongestText, (o, id, reason, actor, ct) => o.ResumeAsync(id, reason, actor, ct))), "Resume orders", "");
        Describe(act.MapPost("/orders/cancel", OnOrders(paused: null, Operations.LongestReason, (o, id, reason, actor, ct) => o.CancelAsync(id, reason, actor, ct))), "Cancel orders", " Customers read the reason.");
        Describe(act.MapPost("/stuck/retry", RetryAsync), "Retry stuck undos", " A batch begins when those before it succeeded: it stops at the first that does not.");
        Describe(act.MapPost("/stuck/resolve", ResolveAsync), "Resolve stuck undos", " `reason` and `evidence` are required.");
        Describe(act.MapPost("/dead-letters/replay", ReplayAsync), "Replay dead letters", " A batch begins when those before it were handled: it stops at the first that is a dead letter again.");
        Describe(act.MapPost("/dead-letters/discard", DiscardAsync), "Discard dead letters", " `reason` is required.");
    }

    private static void Describe(RouteHandlerBuilder endpoint, string summary, string more) => endpoint
        .WithSummary(summary)
        .WithDescription(What + more)
        .Accepts<BulkAsk>(isOptional: true, "application/json")
        .Answers(200, "What came of it, with the first failures.", typeof(BulkAnswer))
        .Refuses(400, "bulk-invalid", "a filter or a field is wrong, or neither a filter nor `all` is given; `errors` names it");

    private static Delegate OnOrders(bool? paused, int longest, OnOrder act) => (
        HttpContext http, Queries queries, Operations operations, Bulk bulk, string? state, string? status, string? olderThan, string? step, string? customer, string? page, CancellationToken ct) =>
    {
        var (filter, wrong) = OpsApi.FilterOf(http.Request, queries, state, status, olderThan, step, customer, acts: true);
        if (filter.Status is not (null or "Processing"))
            wrong["status"] = ["Only orders under way (Processing) can be acted on."];
        return RunAsync(http, wrong, ask => [("reason", ask.Reason, longest, false)],
            most => queries.UnderWayAsync(filter with { Paused = paused }, Question.Given(page), most, ct),
            (page, ask) => bulk.RunAsync(page, order => (order.OrderId, null, Queries.MarkOf(order.StartedAt, order.OrderId)),
                async (order, stop) => Many.Done(await act(operations, order.OrderId, ask.Reason, http.Operator(), stop).ConfigureAwait(false)), ended: null, ct), ct);
    };

    private static Task<IResult> RetryAsync(HttpContext http, Queries queries, Many many, string? step, string? customer, string? olderThan, string? page, CancellationToken ct) => OnStuck(
        http, queries, step, customer, olderThan, page, ask => [("reason", ask.Reason, OpsApi.LongestText, false)], (found, ask) => many.RetryAsync(found, ask.Reason, http.Operator(), ct), ct);

    private static Task<IResult> ResolveAsync(HttpContext http, Queries queries, Many many, string? step, string? customer, string? olderThan, string? page, CancellationToken ct) => OnStuck(
        http, queries, step, customer, olderThan, page, ask => [("reason", ask.Reason, OpsApi.LongestText, true), ("evidence", ask.Evidence, OpsApi.LongestEvidence, true)],
        (found, ask) => many.ResolveAsync(found, ask.Reason!, ask.Evidence!, http.Operator(), ct), ct);

    private static Task<IResult> OnStuck(
        HttpContext http, Queries queries, string? step, string? customer, string? olderThan, string? page,
        Func<BulkAsk, IReadOnlyList<(string, string?, int, bool)>> texts, Func<Page<StuckLine>, BulkAsk, Task<BulkAnswer>> run, CancellationToken ct)
    {
        var (filter, wrong) = OpsApi.FilterOf(http.Request, queries, step, customer, olderThan);
        return RunAsync(http, wrong, texts, most => queries.StuckAtRestAsync(filter, Question.Given(page), most, ct), run, ct);
    }

    private static Task<IResult> ReplayAsync(
        HttpContext http, DeadLetterDesk desk, TimeProvider time, Many many, string? queue, string? messageType, string? cause, string? orderId, string? since, string? status, string? page, CancellationToken ct) => OnLetters(
        http, desk, DeadLettersApi.FilterOf(http.Request, time, queue, messageType, cause, orderId, since, status), page, required: false,
        (found, ask) => many.ReplayAsync(found, ask.Reason, http.Operator(), ct), ct);

    private static Task<IResult> DiscardAsync(
        HttpContext http, DeadLetterDesk desk, TimeProvider time, Many many, string? queue, string? messageType, string? cause, string? orderId, string? since, string? status, string? page, CancellationToken ct) => OnLetters(
        http, desk, DeadLettersApi.FilterOf(http.Request, time, queue, messageType, cause, orderId, since, status), page, required: true,
        (found, ask) => many.DiscardAsync(found, ask.Reason!, http.Operator(), ct), ct);

    private static Task<IResult> OnLetters(
        HttpContext http, DeadLetterDesk desk, (DeadLetterFilter Filter, Dictionary<string, string[]> Wrong) chosen, string? page, bool required,
        Func<Page<DeadLetterLine>, BulkAsk, Task<BulkAnswer>> run, CancellationToken ct) => RunAsync(
        http, chosen.Wrong, ask => [("reason", ask.Reason, OpsApi.LongestText, required)], most => desk.SelectAsync(chosen.Filter, Question.Given(page), most, ct), run, ct);

    private static async Task<IResult> RunAsync<T>(
        HttpContext http, Dictionary<string, string[]> wrong, Func<BulkAsk, IReadOnlyList<(string, string?, int, bool)>> texts,
        Func<int, Task<Page<T>?>> choose, Func<Page<T>, BulkAsk, Task<BulkAnswer>> run, CancellationToken ct)
    {
        var (ask, refusal) = http.HasBody() ? await JsonBody.ReadAsync<BulkAsk>(http.Request, "bulk", ct).ConfigureAwait(false) : (new(), null);
        if (ask is null)
            return refusal!;
        foreach (var (field, what) in Operations.Check(texts(ask)))
            wrong[field] = what;
        if (ask.Most is < 1 or > Bulk.MostAtOnce)
            wrong["most"] = [$"It is a number from 1 to {Bulk.MostAtOnce}."];
        if (!ask.All && !http.Request.Query.Any(q => q.Key != "page" && !string.IsNullOrEmpty(q.Value)))
            wrong["all"] = ["There is no filter: say true, if all are meant."];
        if (wrong.Count > 0)
            return Problems.Invalid("bulk", wrong);
        if (await choose(ask.DryRun ? 1 : ask.Most).ConfigureAwait(false) is not { } page)
            return Question.NoSuchPage();
        var matched = page.Matched ?? page.Items.Count;
        return Results.Ok(ask.DryRun ? new(matched, DryRun: true, 0, 0, 0, matched, null, [], null) : await run(page, ask).ConfigureAwait(false));
    }
}
