using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>What operators see of the orders, and do to them.</summary>
internal static class OpsApi
{
    private const int LongestText = 500, LongestEvidence = 2000;
    private static readonly string[] Statuses = ["Processing", "Completed", "Cancelled", "NeedsAttention"];

    private sealed record Why(string? Reason);

    private sealed record Proof(string? Reason, string? Evidence);

    public static void MapOps(this IEndpointRouteBuilder app)
    {
        var ops = app.MapGroup("/ops");
        var read = ops.MapGroup("").ForReaders();
        read.MapGet("/orders", ListAsync);
        read.MapGet("/orders/{orderId:guid}", ShowAsync);
        read.MapGet("/summary", async (Queries queries, CancellationToken ct) => Results.Ok(await queries.SummaryAsync(ct).ConfigureAwait(false)));
        read.MapGet("/stuck", StuckAsync);
        read.MapGet("/audit", AuditAsync);
        var act = ops.MapGroup("").ForOperators();
        act.MapPost("/orders/{orderId:guid}/cancel", (Guid orderId, HttpContext http, Operations operations, CancellationToken ct) =>
            ForReasonAsync(http, Operations.LongestReason, reason => operations.CancelAsync(orderId, reason, http.Operator(), ct), ct));
        act.MapPost("/orders/{orderId:guid}/pause", (Guid orderId, HttpContext http, Operations operations, CancellationToken ct) =>
            ForReasonAsync(http, LongestText, reason => operations.PauseAsync(orderId, reason, http.Operator(), ct), ct));
        act.MapPost("/orders/{orderId:guid}/resume", async (Guid orderId, HttpContext http, Operations operations, CancellationToken ct) =>
            Answer(await operations.ResumeAsync(orderId, http.Operator(), ct).ConfigureAwait(false)));
        act.MapPost("/stuck/{orderId:guid}/{step}/retry", async (Guid orderId, string step, HttpContext http, Operations operations, CancellationToken ct) =>
            Answer(await operations.RetryUndoAsync(orderId, step, http.Operator(), ct).ConfigureAwait(false)));
        act.MapPost("/stuck/{orderId:guid}/{step}/resolve", ResolveAsync);
    }

    private static async Task<IResult> ListAsync(
        HttpRequest request, Queries queries, string? state, string? status, string? olderThan, string? step, string? customer, string? archived, string? page, CancellationToken ct)
    {
        var wrong = Unknown(request, "state", "status", "olderThan", "step", "customer", "archived", "page");
        var filter = new OrderFilter(
            OneOf(wrong, "state", state, queries.States),
            OneOf(wrong, "status", status, Statuses),
            Age(wrong, "olderThan", olderThan),
            OneOf(wrong, "step", step, queries.Steps),
            string.IsNullOrEmpty(customer) ? null : customer,
            OneOf(wrong, "archived", archived, ["true", "false"]) == "true");
        if (wrong.Count > 0)
            return Problems.Invalid("question", wrong);
        return await queries.ListAsync(filter, Given(page), ct).ConfigureAwait(false) is { } found ? Results.Ok(new { orders = found.Items, next = found.Next }) : NoSuchPage();
    }

    private static async Task<IResult> ShowAsync(Guid orderId, Queries queries, CancellationToken ct) =>
        await queries.FileAsync(orderId, ct).ConfigureAwait(false) is { } file
            ? Results.Ok(file)
            : Problems.Of(404, "order-unknown", "There is no such order.", $"No order has the id {orderId}.");

    private static async Task<IResult> StuckAsync(HttpRequest request, Queries queries, string? page, CancellationToken ct) =>
        Unknown(request, "page") is { Count: > 0 } wrong ? Problems.Invalid("question", wrong)
        : await queries.StuckAsync(Given(page), ct).ConfigureAwait(false) is { } found ? Results.Ok(new { stuck = found.Items, next = found.Next }) : NoSuchPage();

    private static async Task<IResult> AuditAsync(HttpRequest request, Queries queries, string? order, string? page, CancellationToken ct)
    {
        var wrong = Unknown(request, "order", "page");
        Guid? orderId = Guid.TryParse(order, out var id) ? id : null;
        if (Given(order) is not null && orderId is null)
            wrong.Add("order", ["It is the id of an order."]);
        if (wrong.Count > 0)
            return Problems.Invalid("question", wrong);
        return await queries.AuditAsync(orderId, Given(page), ct).ConfigureAwait(false) is { } found ? Results.Ok(new { audit = found.Items, next = found.Next }) : NoSuchPage();
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

    private static string? Given(string? value) => string.IsNullOrEmpty(value) ? null : value;

    // A filter that is misspelt would show what nobody asked for.
    private static Dictionary<string, string[]> Unknown(HttpRequest request, params string[] known) => request.Query.Keys
        .Except(known, StringComparer.OrdinalIgnoreCase).ToDictionary(key => key, _ => new[] { $"There is no such filter; there are {string.Join(", ", known)}." });

    private static string? OneOf(Dictionary<string, string[]> wrong, string field, string? value, IReadOnlyList<string> known)
    {
        if (string.IsNullOrEmpty(value))
            return null;
        var found = known.FirstOrDefault(k => k.Equals(value, StringComparison.OrdinalIgnoreCase));
        if (found is null)
            wrong.Add(field, [$"It is one of {string.Join(", ", known)}."]);
        return found;
    }

    // 90 (seconds), 90s, 15m, 2h, 1d, or 00:01:30.
    private static TimeSpan? Age(Dictionary<string, string[]> wrong, string field, string? value)
    {
        if (string.IsNullOrEmpty(value))
            return null;
        var unit = value[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (double.TryParse(unit == 0 ? value : value[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number * Math.Max(unit, 1) <= TimeSpan.FromDays(3650).TotalSeconds)
            return TimeSpan.FromSeconds(number * Math.Max(unit, 1));
        if (value.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time) && time >= TimeSpan.Zero && time <= TimeSpan.FromDays(3650))
            return time;
        wrong.Add(field, ["It is a time such as 90s, 15m, 2h, 1d or 00:01:30, up to ten years."]);
        return null;
    }

    private static IResult NoSuchPage() =>
        Problems.Invalid("question", new Dictionary<string, string[]> { ["page"] = ["There is no such page: give what the page before said as 'next'."] });
}
