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
                async (order, stop) => Done(await act(operations, order.OrderId, ask.Reason, http.Operator(), stop).ConfigureAwait(false)), ended: null, ct), ct);
    };

    private static Task<IResult> RetryAsync(
        HttpContext http, Queries queries, Operations operations, Bulk bulk, string? step, string? customer, string? olderThan, string? page, CancellationToken ct) => OnStuck(
        http, queries, bulk, step, customer, olderThan, page, ask => [("reason", ask.Reason, OpsApi.LongestText, false)],
        (stuck, ask, stop) => operations.RetryUndoAsync(stuck.OrderId, stuck.Step, ask.Reason, http.Operator(), stop),
        async (left, stop) =>
        {
            var ended = await queries.UndosEndedAsync([.. left.Select(s => (s.OrderId, s.Step))], stop).ConfigureAwait(false);
            return left.Where(s => ended.ContainsKey((s.OrderId, s.Step))).ToDictionary(s => s, s => ended[(s.OrderId, s.Step)]);
        }, ct);

    private static Task<IResult> ResolveAsync(
        HttpContext http, Queries queries, Operations operations, Bulk bulk, string? step, string? customer, string? olderThan, string? page, CancellationToken ct) => OnStuck(
        http, queries, bulk, step, customer, olderThan, page, ask => [("reason", ask.Reason, OpsApi.LongestText, true), ("evidence", ask.Evidence, OpsApi.LongestEvidence, true)],
        (stuck, ask, stop) => operations.ResolveUndoAsync(stuck.OrderId, stuck.Step, ask.Reason!, ask.Evidence!, http.Operator(), stop), ended: null, ct);

    private static Task<IResult> OnStuck(
        HttpContext http, Queries queries, Bulk bulk, string? step, string? customer, string? olderThan, string? page,
        Func<BulkAsk, IReadOnlyList<(string, string?, int, bool)>> texts, Func<StuckLine, BulkAsk, CancellationToken, Task<Outcome>> act,
        Func<IReadOnlyCollection<StuckLine>, CancellationToken, Task<IReadOnlyDictionary<StuckLine, bool>>>? ended, CancellationToken ct)
    {
        var (filter, wrong) = OpsApi.FilterOf(http.Request, queries, step, customer, olderThan);
        return RunAsync(http, wrong, texts, most => queries.StuckAtRestAsync(filter, Question.Given(page), most, ct),
            (found, ask) => bulk.RunAsync(found, stuck => (stuck.OrderId, stuck.Step, Queries.MarkOf(stuck)),
                async (stuck, stop) => Done(await act(stuck, ask, stop).ConfigureAwait(false)), ended, ct), ct);
    }

    private static Task<IResult> ReplayAsync(
        HttpContext http, DeadLetterDesk desk, TimeProvider time, Bulk bulk, string? queue, string? messageType, string? cause, string? orderId, string? since, string? status, string? page, CancellationToken ct) => OnLetters(
        http, desk, bulk, DeadLettersApi.FilterOf(http.Request, time, queue, messageType, cause, orderId, since, status), page, required: false,
        (letter, ask, stop) => desk.ReplayAsync(letter.Id, ask.Reason, http.Operator(), stop),
        async (left, stop) =>
        {
            var ended = await desk.EndedAsync([.. left.Select(l => l.Id)], stop).ConfigureAwait(false);
            return left.Where(l => ended.ContainsKey(l.Id)).ToDictionary(l => l, l => ended[l.Id]);
        }, ct);

    private static Task<IResult> DiscardAsync(
        HttpContext http, DeadLetterDesk desk, TimeProvider time, Bulk bulk, string? queue, string? messageType, string? cause, string? orderId, string? since, string? status, string? page, CancellationToken ct) => OnLetters(
        http, desk, bulk, DeadLettersApi.FilterOf(http.Request, time, queue, messageType, cause, orderId, since, status), page, required: true,
        (letter, ask, stop) => desk.DiscardAsync(letter.Id, ask.Reason!, http.Operator(), stop), ended: null, ct);

    private static Task<IResult> OnLetters(
        HttpContext http, DeadLetterDesk desk, Bulk bulk, (DeadLetterFilter Filter, Dictionary<string, string[]> Wrong) chosen, string? page, bool required,
        Func<DeadLetterLine, BulkAsk, CancellationToken, Task<LetterOutcome>> act,
        Func<IReadOnlyCollection<DeadLetterLine>, CancellationToken, Task<IReadOnlyDictionary<DeadLetterLine, bool>>>? ended, CancellationToken ct) => RunAsync(
        http, chosen.Wrong, ask => [("reason", ask.Reason, OpsApi.LongestText, required)], most => desk.SelectAsync(chosen.Filter, Question.Given(page), most, ct),
        (found, ask) => bulk.RunAsync(found, letter => (letter.Id, null, DeadLetterDesk.MarkOf(letter)),
            async (letter, stop) => await act(letter, ask, stop).ConfigureAwait(false) is var outcome && outcome.Answer == LetterAnswer.Decided ? new(Done: true) : new(Done: false, outcome.Why), ended, ct), ct);

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

    private static Tried Done(Outcome outcome) => new(outcome.Answer == Answer.Decided, outcome.Answer == Answer.Already ? null : outcome.Why);
}
