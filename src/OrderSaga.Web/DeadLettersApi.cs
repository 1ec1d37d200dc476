using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>What could not be handled: what operators see of it, and decide about it.</summary>
internal static class DeadLettersApi
{
    private const string Any = "any";

    internal sealed record Found(IReadOnlyList<DeadLetterLine> DeadLetters, IReadOnlyList<DeadLetterKind> Kinds, string? Next);

    internal sealed record Decided(Guid Id, string? Status);

    private sealed record Why(string? Reason);

    public static void MapDeadLetters(this IEndpointRouteBuilder app)
    {
        var letters = app.MapGroup("/ops/dead-letters");
        var read = letters.MapGroup("").ForReaders();
        read.MapGet("", ListAsync)
            .WithSummary("List dead letters")
            .WithDescription("Those that wait, the oldest first; `kinds` counts all that match by queue, contract and cause. `status` is one of waiting (if it is not said), replaying, replayed, discarded or any; `since` a time, or an age such as 2h.")
            .Answers(200, "The letters of a page.", typeof(Found))
            .Refuses(400, "question-invalid", "a filter is unknown or wrong; `errors` names it");
        read.MapGet("/{id:guid}", ShowAsync)
            .WithSummary("Read a dead letter")
            .WithDescription("With headers, body and where it failed. Secrets in it are not shown; of a body of over 64 KiB the beginning.")
            .Answers(200, "The letter.", typeof(DeadLetterFile))
            .Refuses(404, "dead-letter-unknown", "there is no such letter");
        var act = letters.MapGroup("").ForOperators();
        Describe(act.MapPost("/{id:guid}/replay", (Guid id, HttpContext http, DeadLetterDesk desk, CancellationToken ct) =>
            DecideAsync(http, required: false, reason => desk.ReplayAsync(id, reason, http.Operator(), ct), ct)))
            .WithSummary("Replay a dead letter")
            .WithDescription("Sends the message once more as it came, with its id and headers, to the queue that it came from and to nobody else. While the broker is away it waits (`replaying`). If it fails again it is the same letter, counted up.");
        Describe(act.MapPost("/{id:guid}/discard", (Guid id, HttpContext http, DeadLetterDesk desk, CancellationToken ct) =>
            DecideAsync(http, required: true, reason => desk.DiscardAsync(id, reason!, http.Operator(), ct), ct)))
            .WithSummary("Discard a dead letter")
            .WithDescription("Nobody will handle it. It is kept for the record, with who decided so and why; a `reason` is required.");
    }

    /// <summary>What a list of dead letters is narrowed to, and what is wrong with it.</summary>
    internal static (DeadLetterFilter Filter, Dictionary<string, string[]> Wrong) FilterOf(
        HttpRequest request, TimeProvider time, string? queue, string? messageType, string? cause, string? orderId, string? since, string? status)
    {
        var wrong = Question.Unknown(request, "queue", "messageType", "cause", "orderId", "since", "status", "page");
        var stands = Question.OneOf(wrong, "status", status, [.. DeadLetterStatus.All, Any]);
        return (new(
            Question.Given(queue), Question.Given(messageType), Question.Given(cause), Question.Id(wrong, "orderId", orderId), Question.Since(wrong, "since", since, time.GetUtcNow()),
            stands == Any ? null : stands ?? DeadLetterStatus.Waiting), wrong);
    }

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder endpoint) => endpoint
        .Accepts<Why>(isOptional: true, "application/json")
        .Answers(202, "It is decided.", typeof(Decided))
        .Answers(200, "It had been decided before: nothing was changed.", typeof(Decided))
        .Refuses(400, "reason-invalid", "the reason is missing or wrong")
        .Refuses(404, "dead-letter-unknown", "there is no such letter")
        .Refuses(409, "not-possible-now", "it was decided otherwise before, or cannot be replayed");

    private static async Task<IResult> ListAsync(
        HttpRequest request, DeadLetterDesk desk, TimeProvider time, string? queue, string? messageType, string? cause, string? orderId, string? since, string? status, string? page, CancellationToken ct)
    {
        var (filter, wrong) = FilterOf(request, time, queue, messageType, cause, orderId, since, status);
        if (wrong.Count > 0)
            return Problems.Invalid("question", wrong);
        return await desk.ListAsync(filter, Question.Given(page), ct).ConfigureAwait(false) is { } found
            ? Results.Ok(new Found(found.Items, await desk.KindsAsync(filter, ct).ConfigureAwait(false), found.Next))
            : Question.NoSuchPage();
    }

    private static async Task<IResult> ShowAsync(Guid id, DeadLetterDesk desk, CancellationToken ct) =>
        await desk.FindAsync(id, ct).ConfigureAwait(false) is { } file ? Results.Ok(file) : Unknown(id);

    private static async Task<IResult> DecideAsync(HttpContext http, bool required, Func<string?, Task<LetterOutcome>> decide, CancellationToken ct)
    {
        var (why, refusal) = http.HasBody() || required ? await JsonBody.ReadAsync<Why>(http.Request, "reason", ct).ConfigureAwait(false) : (new(null), null);
        if (why is null)
            return refusal!;
        if (Operations.Check(("reason", why.Reason, OpsApi.LongestText, required)) is { Count: > 0 } wrong)
            return Problems.Invalid("reason", wrong);
        var outcome = await decide(why.Reason).ConfigureAwait(false);
        return outcome.Answer switch
        {
            LetterAnswer.Decided => Results.Accepted($"/ops/dead-letters/{outcome.Id}", new Decided(outcome.Id, outcome.Status)),
            LetterAnswer.Already => Results.Ok(new Decided(outcome.Id, outcome.Status)),
            LetterAnswer.Unknown => Unknown(outcome.Id),
            _ => Problems.Of(409, "not-possible-now", "That is not possible as the dead letter stands.", outcome.Why!),
        };
    }

    private static IResult Unknown(Guid id) => Problems.Of(404, "dead-letter-unknown", "There is no such dead letter.", $"No dead letter has the id {id}.");
}
