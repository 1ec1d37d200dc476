using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrderSaga.Messaging.Steps;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Services;

/// <summary>
/// The simulator over HTTP. Nothing here stops because the caller hangs up: what a provider has begun it finishes, and that is what makes
/// the outcome of a call unknown.
/// </summary>
internal sealed class GatewayApi(IServiceScopeFactory scopes, TimeProvider time, GatewayTimes times, FaultPlans? plans = null)
{
    private const int LongestToken = 200;
    private const decimal HighestAmount = 1_000_000_000_000m;

    /// <summary>Says so where the books are away, instead of failing loudly for every call.</summary>
    public static Delegate OrAway(Func<HttpContext, Task<IResult>> act) => async (HttpContext http) =>
    {
        try
        {
            return await act(http).ConfigureAwait(false);
        }
        catch (Exception e) when (Database.IsAway(e))
        {
            return Problem(StatusCodes.Status503ServiceUnavailable, "The books are away.", "Try again with the same key.");
        }
    };

    public async Task<IResult> ChargeAsync(HttpContext http)
    {
        var (ask, wrong) = await ReadAsync<ChargeAsk>(http.Request).ConfigureAwait(false);
        wrong ??= WrongKey(http.Request) ?? WrongMoney(ask!.Amount, ask.Currency)
            ?? (ask.OrderId is null ? "orderId is missing." : ask.Token is null or { Length: > LongestToken } ? "token is missing or too long." : null);
        if (wrong is not null)
            return Problem(StatusCodes.Status400BadRequest, "The call is not valid.", wrong);
        ask = ask! with { Amount = ToCents(ask.Amount!.Value) };
        var fingerprint = Ledger.Fingerprint(new { Call = "charge", ask.OrderId, ask.Amount, ask.Currency, ask.Token });
        return await OnceAsync(http, fingerprint, ask.Token,
            async (ledger, key, behaviour) => Answer(http, await ledger.ChargeAsync(key, fingerprint, ask, behaviour.DeclineCode).ConfigureAwait(false))).ConfigureAwait(false);
    }

    public async Task<IResult> RefundAsync(HttpContext http)
    {
        var chargeId = (string)http.Request.RouteValues["id"]!;
        var (ask, wrong) = await ReadAsync<RefundAsk>(http.Request).ConfigureAwait(false);
        wrong ??= WrongKey(http.Request) ?? WrongMoney(ask!.Amount, ask.Currency);
        if (wrong is not null)
            return Problem(StatusCodes.Status400BadRequest, "The call is not valid.", wrong);
        ask = ask! with { Amount = ToCents(ask.Amount!.Value) };
        var fingerprint = Ledger.Fingerprint(new { Call = "refund", chargeId, ask.Amount, ask.Currency });
        return await OnceAsync(http, fingerprint, token: null, async (ledger, key, _) =>
            await ledger.RefundAsync(key, fingerprint, chargeId, ask).ConfigureAwait(false) is { } answer ? Answer(http, answer)
            : await ledger.HasAsync(chargeId).ConfigureAwait(false) ? Problem(StatusCodes.Status409Conflict, "The refund is not possible.", "It is more than is left of the charge, or in another currency.")
            : Problem(StatusCodes.Status404NotFound, "There is no such charge.", "Nothing was taken under this id.")).ConfigureAwait(false);
    }

    /// <summary>By order the money; by key what became of a call, whoever made it and however it ended; without either all charges, page by page.</summary>
    public async Task<IResult> ReadAsync(HttpContext http)
    {
        var (order, key, after) = (http.Request.Query["orderId"].ToString(), http.Request.Query["key"].ToString(), http.Request.Query["after"].ToString());
        var orderId = Guid.TryParse(order, out var id) ? id : (Guid?)null;
        Mark(key);
        if ((order.Length > 0 && orderId is null) || http.Request.Query.Any(q => q.Value.ToString().Length == 0) || new[] { order, key, after }.Count(text => text.Length > 0) > 1)
            return Problem(StatusCodes.Status400BadRequest, "The call is not valid.", "Ask by orderId, which is a GUID, or by key, or for all of them after a chargeId.");
        await using var scope = scopes.CreateAsyncScope();
        var ledger = scope.ServiceProvider.GetRequiredService<Ledger>();
        return Results.Json(
            orderId is { } of ? await ledger.OfOrderAsync(of).ConfigureAwait(false)
            : key.Length > 0 ? await ledger.OfKeyAsync(key).ConfigureAwait(false)
            : await ledger.PageAsync(after).ConfigureAwait(false), JsonSerializerOptions.Web);
    }

    private async Task<IResult> OnceAsync(HttpContext http, Guid fingerprint, string? token, Func<Ledger, string, Behaviour, Task<IResult>> act)
    {
        var key = KeyOf(http.Request);
        Mark(key);
        var behaviour = Behaviour.Of(http.Request, token, plans is { Honoured: true });
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        await using var scope = scopes.CreateAsyncScope();
        var ledger = scope.ServiceProvider.GetRequiredService<Ledger>();
        // What goes by itself looks for its key by itself; nothing goes wrong with what was done before.
        if (behaviour.GoesWrong && await ledger.FindAsync(key, fingerprint).ConfigureAwait(false) is { } before)
            return Answer(http, before);
        if (await ledger.FailsAsync(key, behaviour.Errors).ConfigureAwait(false))
            return behaviour.IsSilent
                ? await HangUpAsync(http, stopping).ConfigureAwait(false)
                : Problem(StatusCodes.Status500InternalServerError, "Something went wrong.", "Nothing was done. Try again with the same key.");
        // Whoever stops finishes what he has taken on.
        if (behaviour.IsSlow)
            await Task.Delay(times.Slow, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var answer = await act(ledger, key, behaviour).ConfigureAwait(false);
        return behaviour.HangsUp ? HangUp(http) : answer;
    }

    // No baggage comes with a call, to here as to any provider: whose it is stands in the key.
    private static void Mark(string key)
    {
        if (key.Split(':') is ["saga", var saga, _] && Guid.TryParse(saga, out var sagaId))
            SagaTrace.Mark(sagaId);
    }

    private static async Task<IResult> HangUpAsync(HttpContext http, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return HangUp(http);
    }

    private static IResult HangUp(HttpContext http)
    {
        http.Abort();
        return Results.Empty;
    }

    private static IResult Answer(HttpContext http, KeyedAnswer answer)
    {
        if (answer == KeyedAnswer.Reused)
            return Problem(answer.Status, "The idempotency key was used for something else.", "Send a new key with other content.");
        if (answer.Replayed)
            http.Response.Headers["Idempotency-Replayed"] = "true";
        return Results.Text(answer.Body, "application/json", statusCode: answer.Status);
    }

    private static async Task<(T? Ask, string? Wrong)> ReadAsync<T>(HttpRequest request)
        where T : class
    {
        try
        {
            return request.HasJsonContentType() && await request.ReadFromJsonAsync<T>(JsonSerializerOptions.Web).ConfigureAwait(false) is { } ask
                ? (ask, null)
                : (null, "The body is a JSON object.");
        }
        catch (Exception e) when (e is JsonException or BadHttpRequestException)
        {
            return (null, "The body cannot be read.");
        }
    }

    private static string KeyOf(HttpRequest request) => request.Headers["Idempotency-Key"].ToString();

    private static string? WrongKey(HttpRequest request) =>
        KeyOf(request) is { Length: > 0 and <= GatewayDb.LongestKey } key && key.All(c => c is > ' ' and < '\x7f')
            ? null
            : $"The header Idempotency-Key has 1 to {GatewayDb.LongestKey} visible characters.";

    private static string? WrongMoney(decimal? amount, string? currency) =>
        amount is not (>= 0 and <= HighestAmount) || decimal.Round(amount.Value, 2) != amount ? $"amount is a number from 0 to {HighestAmount} with at most two decimals."
        : currency is not { Length: 3 } || !currency.All(char.IsAsciiLetterUpper) ? "currency is three capital letters."
        : null;

    // 8, 8.0 and 8.00 are the same money, and are answered the same.
    private static decimal ToCents(decimal amount) => decimal.Round(amount, 2) + 0.00m;

    private static IResult Problem(int status, string title, string detail) => Results.Problem(statusCode: status, title: title, detail: detail);
}

/// <summary>How long the simulator takes where it is slow: longer than a step has.</summary>
internal sealed record GatewayTimes(TimeSpan Slow);
