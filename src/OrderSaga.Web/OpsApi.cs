using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>What operators see of the orders, and do to them.</summary>
internal static class OpsApi
{
    internal const int LongestText = 500, LongestEvidence = 2000;
    private static readonly string[] Statuses = ["Processing", "Completed", "Cancelled", "NeedsAttention"];

    private sealed record Why(string? Reason);

    private sealed record Proof(string? Reason, string? Evidence);

    public static void MapOps(this IEndpointRouteBuilder app)
    {
        var ops = app.MapGroup("/ops");
        var read = ops.MapGroup("").ForReaders();
        read.MapGet("/orders", ListAsync);
        read.MapGet("/orders/{orderId:guid}", ShowAsync);
        read.MapGet("/summary", SummaryAsync);
        read.MapGet("/stuck", StuckAsync);
        read.MapGet("/audit", AuditAsync);
        var act = ops.MapGroup("").ForOperators();
        act.MapPost("/orders/{orderId:guid}/cancel", (Guid orderId, HttpContext http, Operations operations, CancellationToken ct) =>
            ForReasonAsync(http, Operations.LongestReason, reason => operations.CancelAsync(orderId, reason, http.Operator(), ct), ct));
        act.MapPost("/orders/{orderId:guid}/pause", (Guid orderId, HttpContext http, Operations operations, CancellationToken ct) =>
            ForReasonAsync(http, LongestText, reason => operations.PauseAsync(orderId, reason, http.Operator(), ct), ct));
        act.MapPost("/orders/{orderId:guid}/resume", (Guid orderId, HttpContext http, Operations operations, CancellationToken ct) =>
            ForReasonAsync(http, LongestText, reason => operations.ResumeAsync(orderId, reason, http.Operator(), ct), ct));
        act.MapPost("/stuck/{orderId:guid}/{step}/retry", (Guid orderId, string step, HttpContext http, Operations operations, CancellationToken ct) =>
            ForReasonAsync(http, LongestText, reason => operations.RetryUndoAsync(orderId, step, reason, http.Operator(), ct), ct));
        act.MapPost("/stuck/{orderId:guid}/{step}/resolve", ResolveAsync);
    }

    private static async Task<IResult> ListAsync(
        HttpRequest request, Queries queries, string? state, string? status, string? olderThan, string? step, string? customer, string? paused, string? archived, string? page, CancellationToken ct)
    {
        var (filter, wrong) = FilterOf(request, queries, state, status, olderThan, step, customer, paused, archived);
        if (wrong.Count > 0)
            return Problems.Invalid("question", wrong);
        return await queries.ListAsync(filter, Question.Given(page), ct).ConfigureAwait(false) is { } found ? Results.Ok(new { orders = found.Items, next = found.Next }) : Question.NoSuchPage();
    }

    /// <summary>What a list of orders is narrowed to, and what is wrong with it. Who acts on them all can ask for less.</summary>
    internal static (OrderFilter Filter, Dictionary<string, string[]> Wrong) FilterOf(
        HttpRequest request, Queries queries, string? state, string? status, string? olderThan, string? step, string? customer, string? paused = null, string? archived = null, bool acts = false)
    {
        string[] known = ["state", "status", "olderThan", "step", "customer", "page"];
        var wrong = Question.Unknown(request, acts ? known : [.. known, "paused", "archived"]);
        return (new(
            Question.OneOf(wrong, "state", state, queries.States),
            Question.OneOf(wrong, "status", status, Statuses),
            Question.Age(wrong, "olderThan", olderThan),
            Question.OneOf(wrong, "step", step, queries.Steps),
            Question.Given(customer),
            Question.Flag(wrong, "paused", paused),
            Question.Flag(wrong, "archived", archived) ?? false), wrong);
    }

    private static async Task<IResult> ShowAsync(Guid orderId, Queries queries, CancellationToken ct) =>
        await queries.FileAsync(orderId, ct).ConfigureAwait(false) is { } file
            ? Results.Ok(file)
            : Problems.Of(404, "order-unknown", "There is no such order.", $"No order has the id {orderId}.");

    private static async Task<IResult> StuckAsync(HttpRequest request, Queries queries, string? step, string? customer, string? olderThan, string? page, CancellationToken ct)
    {
        var (filter, wrong) = FilterOf(request, queries, step, customer, olderThan);
        if (wrong.Count > 0)
            return Problems.Invalid("question", wrong);
        return await queries.StuckAsync(filter, Question.Given(page), ct).ConfigureAwait(false) is { } found ? Results.Ok(new { stuck = found.Items, next = found.Next }) : Question.NoSuchPage();
    }

    /// <summary>What the list of stuck undos is narrowed to, and what is wrong with it.</summary>
    internal static (StuckFilter Filter, Dictionary<string, string[]> Wrong) FilterOf(HttpRequest request, Queries queries, string? step, string? customer, string? olderThan)
    {
        var wrong = Question.Unknown(request, "step", "customer", "olderThan", "page");
        return (new(Question.OneOf(wrong, "step", step, queries.Steps), Question.Given(customer), Question.Age(wrong, "olderThan", olderThan)), wrong);
    }

    private static async Task<IResult> AuditAsync(HttpRequest request, AuditTrail trail, string? order, string? page, CancellationToken ct)
    {
        var wrong = Question.Unknown(request, "order", "page");
        var orderId = Question.Id(wrong, "order", order);
        if (wrong.Count > 0)
            return Problems.Invalid("question", wrong);
        return await trail.ListAsync(orderId, Question.Given(page), ct).ConfigureAwait(false) is { } found ? Results.Ok(new { audit = found.Items, next = found.Next }) : Question.NoSuchPage();
    }

    private static async Task<IResult> SummaryAsync(Queries queries, DeadLetterDesk letters, AlertDesk alerts, CancellationToken ct) => Results.Ok(new WholeSummary(await queries.SummaryAsync(ct).ConfigureAwait(false))
    {
        DeadLetters = await letters.WaitingAsync(ct).ConfigureAwait(false),
        Alerts = await alerts.OpenAsync(ct).ConfigureAwait(false),
    });

    // How orders are doing, and what else waits for a person.
    private sealed record WholeSummary : ShopSummary
    {
        public WholeSummary(ShopSummary orders) : base(orders)
        {
        }

        [JsonPropertyOrder(1)]
        public required WaitingLetters DeadLetters { get; init; }

        [JsonPropertyOrder(1)]
        public required OpenAlerts Alerts { get; init; }
    }

    private static async Task<IResult> ForReasonAsync(HttpContext http, int longest, Func<string?, Task<Outcome>> act, CancellationToken ct)
    {
        var (why, refusal) = http.HasBody() ? await JsonBody.ReadAsync<Why>(http.Request, "reason", ct).ConfigureAwait(false) : (new(null), null);
        if (why is null)
            return refusal!;
        return Operations.Check(("reason", why.Reason, longest, false)) is { Count: > 0 } wrong
            ? Problems.Invalid("reason", wrong)
            : Answer(await act(why.Reason).ConfigureAwait(false));
    }

    private static async Task<IResult> ResolveAsync(Guid orderId, string step, HttpContext http, Operations operations, CancellationToken ct)
    {
        var (proof, refusal) = await JsonBody.ReadAsync<Proof>(http.Request, "resolution", ct).ConfigureAwait(false);
        if (proof is null)
            return refusal!;
        return Operations.Check(("reason", proof.Reason, LongestText, true), ("evidence", proof.Evidence, LongestEvidence, true)) is { Count: > 0 } wrong
            ? Problems.Invalid("resolution", wrong)
            : Answer(await operations.ResolveUndoAsync(orderId, step, proof.Reason!, proof.Evidence!, http.Operator(), ct).ConfigureAwait(false));
    }

    // What was decided; what follows from it may take its time.
    private static IResult Answer(Outcome outcome) => outcome.Answer switch
    {
        Orchestrator.Answer.Decided => Results.Accepted($"/ops/orders/{outcome.OrderId}", View(outcome)),
        Orchestrator.Answer.Already => Results.Ok(View(outcome)),
        _ => outcome.Problem(),
    };

    private static object View(Outcome outcome) => new { outcome.OrderId, outcome = outcome.Says, outcome.State, outcome.Status };
}
