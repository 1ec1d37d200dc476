using Microsoft.AspNetCore.Http;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>What the forms of the console do. Each says what came of it by the page that it leads to: nothing is shown as done before it is.</summary>
internal sealed class OrderPosts(Operations operations)
{
    public Task<IResult> CancelAsync(Guid orderId, HttpContext http, CancellationToken ct) => ActAsync(
        http, $"/console/orders/{orderId}", Operations.LongestReason, least: OrderActs.ShortestReason, (form, actor) => operations.CancelAsync(orderId, form.Text("reason"), actor, ct));

    public Task<IResult> PauseAsync(Guid orderId, HttpContext http, CancellationToken ct) => ActAsync(
        http, $"/console/orders/{orderId}", OpsApi.LongestText, least: 0, (form, actor) => operations.PauseAsync(orderId, form.Text("reason"), actor, ct));

    public Task<IResult> ResumeAsync(Guid orderId, HttpContext http, CancellationToken ct) => ActAsync(
        http, $"/console/orders/{orderId}", OpsApi.LongestText, least: 0, (form, actor) => operations.ResumeAsync(orderId, form.Text("reason"), actor, ct));

    public Task<IResult> RetryAsync(Guid orderId, string step, HttpContext http, CancellationToken ct) => ActAsync(
        http, $"/console/orders/{orderId}", OpsApi.LongestText, least: 0, (form, actor) => operations.RetryUndoAsync(orderId, step, form.Text("reason"), actor, ct));

    public Task<IResult> ResolveAsync(Guid orderId, string step, HttpContext http, CancellationToken ct) => ActAsync(
        http, $"/console/orders/{orderId}", OpsApi.LongestText, least: OrderActs.ShortestReason,
        (form, actor) => operations.ResolveUndoAsync(orderId, step, form.Text("reason")!, form.Text("evidence")!, actor, ct), proven: true);

    private static async Task<IResult> ActAsync(HttpContext http, string then, int longest, int least, Func<IFormCollection, string, Task<Outcome>> act, bool proven = false)
    {
        if (await Forms.ReadAsync(http).ConfigureAwait(false) is not { } form)
            return Forms.Refused;
        if (Wrong(form, longest, least, proven) is { } wrong)
            return SignPages.Problem(400, "Nothing was done", wrong);
        var outcome = await act(form, http.Operator()).ConfigureAwait(false);
        return outcome.Answer switch
        {
            Answer.Unknown => SignPages.Problem(404, "Nothing was done", outcome.Why!),
            Answer.Refused => SignPages.Problem(409, "That is not possible as the order stands", outcome.Why!),
            _ => new SeeOther(then),
        };
    }

    private static string? Wrong(IFormCollection form, int longest, int least, bool proven)
    {
        var texts = new List<(string, string?, int, bool)> { ("reason", form.Text("reason"), longest, least > 0) };
        if (proven)
            texts.Add(("evidence", form.Text("evidence"), OpsApi.LongestEvidence, true));
        if (Operations.Check(texts) is { Count: > 0 } wrong)
            return string.Join(" ", wrong.Select(w => $"{w.Key}: {w.Value[0]}"));
        return (form.Text("reason")?.Length ?? 0) < least ? $"Say why in at least {least} characters." : proven && form.Text("seen") is null ? "Tick that you have seen that it is done." : null;
    }
}

/// <summary>Sends a browser on after a form, so that loading the page again does nothing twice.</summary>
internal sealed record SeeOther(string Path) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = Path;
        return Task.CompletedTask;
    }
}
