using System.Globalization;
using Microsoft.AspNetCore.Http;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>
/// What is done to many at once, and to dead letters and alerts. A page's script asks for one batch after the other and shows how far it is;
/// without scripts one call does what fits into it, and says where to go on.
/// </summary>
internal sealed class HandPosts(Many many, Queries queries, DeadLetterDesk desk, AlertDesk alerts)
{
    private const string Back = "/console/hand";

    public async Task<IResult> RetryAsync(HttpContext http, CancellationToken ct)
    {
        if (await Forms.ReadAsync(http).ConfigureAwait(false) is not { } form)
            return Forms.Refused;
        var filter = new StuckFilter(form.Text("step"));
        return await OnManyAsync(http, form, required: true, most => queries.StuckAtRestAsync(filter, form.Text("page"), most, ct), (found, reason) => many.RetryAsync(found, reason, http.Operator(), ct)).ConfigureAwait(false);
    }

    public async Task<IResult> ReplayAsync(HttpContext http, CancellationToken ct) => await Forms.ReadAsync(http).ConfigureAwait(false) is not { } form ? Forms.Refused
        : await OnManyAsync(http, form, required: false, most => desk.SelectAsync(Kind(form), form.Text("page"), most, ct), (found, reason) => many.ReplayAsync(found, reason, http.Operator(), ct)).ConfigureAwait(false);

    public async Task<IResult> DiscardAsync(HttpContext http, CancellationToken ct) => await Forms.ReadAsync(http).ConfigureAwait(false) is not { } form ? Forms.Refused
        : await OnManyAsync(http, form, required: true, most => desk.SelectAsync(Kind(form), form.Text("page"), most, ct), (found, reason) => many.DiscardAsync(found, reason!, http.Operator(), ct)).ConfigureAwait(false);

    public Task<IResult> ReplayAsync(Guid id, HttpContext http, CancellationToken ct) => OnOneAsync(http, id, required: false, reason => desk.ReplayAsync(id, reason, http.Operator(), ct));

    public Task<IResult> DiscardAsync(Guid id, HttpContext http, CancellationToken ct) => OnOneAsync(http, id, required: true, reason => desk.DiscardAsync(id, reason!, http.Operator(), ct));

    public async Task<IResult> ResendAsync(Guid id, HttpContext http, CancellationToken ct) => await Forms.ReadAsync(http).ConfigureAwait(false) is null ? Forms.Refused
        : await alerts.ResendAsync(id, http.Operator(), ct).ConfigureAwait(false) is null ? SignPages.Problem(404, "Nothing was done", $"No alert has the id {id}.")
        : new SeeOther($"{Back}#alerts");

    // Only those that wait: what somebody else decided meanwhile is not touched.
    private static DeadLetterFilter Kind(IFormCollection form) => new(form.Text("queue"), form.Text("messageType"), form.Text("cause"), Status: DeadLetterStatus.Waiting);

    private static async Task<IResult> OnOneAsync(HttpContext http, Guid id, bool required, Func<string?, Task<LetterOutcome>> decide)
    {
        if (await Forms.ReadAsync(http).ConfigureAwait(false) is not { } form)
            return Forms.Refused;
        if (Wrong(form, required) is { } wrong)
            return SignPages.Problem(400, "Nothing was done", wrong);
        var outcome = await decide(form.Text("reason")).ConfigureAwait(false);
        return outcome.Answer is LetterAnswer.Decided or LetterAnswer.Already ? new SeeOther($"/console/letters/{id}") : SignPages.Problem(409, "That is not possible as it stands", outcome.Why!);
    }

    private static async Task<IResult> OnManyAsync<T>(HttpContext http, IFormCollection form, bool required, Func<int, Task<Page<T>?>> choose, Func<Page<T>, string?, Task<BulkAnswer>> run)
    {
        var scripted = http.Request.Headers.Accept.ToString().Contains("application/json", StringComparison.Ordinal);
        var most = int.TryParse(form.Text("most"), NumberStyles.None, CultureInfo.InvariantCulture, out var said) ? Math.Clamp(said, 1, Bulk.MostAtOnce) : Bulk.MostAtOnce;
        var why = Wrong(form, required);
        var found = why is null ? await choose(most).ConfigureAwait(false) : null;
        if (why is null && found is null)
            why = "The list is not there any more. Load the page anew.";
        else if (why is null && form.Text("page") is null && int.TryParse(form.Text("expected"), NumberStyles.None, CultureInfo.InvariantCulture, out var expected) && found!.Matched > expected)
            why = $"There are {found.Matched} by now, more than the {expected} that you decided about. Load the page anew, and decide about those.";
        if (why is not null)
            return scripted ? Results.Json(new { why }, statusCode: 409) : SignPages.Problem(409, "Nothing was done", why);
        var answer = await run(found!, form.Text("reason")).ConfigureAwait(false);
        return scripted ? Results.Json(answer) : SignPages.Problem(200, Title(answer), Told(answer));
    }

    private static string? Wrong(IFormCollection form, bool required) =>
        Operations.Check(("reason", form.Text("reason"), OpsApi.LongestText, required)) is { Count: > 0 } wrong ? $"Reason: {wrong["reason"][0]}"
        : required && form.Text("reason")!.Length < OrderActs.ShortestReason ? $"Say why in at least {OrderActs.ShortestReason} characters." : null;

    private static string Title(BulkAnswer answer) => answer.Failed > 0 ? "It stopped itself" : answer.Left > 0 ? "A part is done" : "All are done";

    private static string Told(BulkAnswer answer) =>
        $"{answer.Done} done, {answer.Refused} not possible, {answer.Failed} failed, {answer.Left} left. {string.Join(" ", answer.Failures.Select(f => $"{f.Id} {f.Step}: {f.Why}"))}".Trim();
}
