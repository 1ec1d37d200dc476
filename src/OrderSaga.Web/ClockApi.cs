using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Clock;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web;

/// <summary>Moves the clock of the shop, where it can be moved: in Development. Elsewhere there is nothing to call.</summary>
internal static class ClockApi
{
    private static readonly TimeSpan Farthest = TimeSpan.FromDays(7);

    public static void MapClock(this IEndpointRouteBuilder app)
    {
        if (app.ServiceProvider.GetService<ShopClock>() is { } clock)
            app.MapPost("/ops/clock/advance", (HttpContext http, CancellationToken ct) => AdvanceAsync(http, clock, ct)).ForOperators();
    }

    /// <remarks>202 where a process that is up has not taken it over yet; it will.</remarks>
    private static async Task<IResult> AdvanceAsync(HttpContext http, ShopClock clock, CancellationToken ct)
    {
        var (advance, refusal) = await JsonBody.ReadAsync<Advance>(http.Request, "advance", ct).ConfigureAwait(false);
        if (advance is null)
            return refusal!;
        if (advance.Seconds is not { } seconds || seconds < 0.001m || seconds > (decimal)Farthest.TotalSeconds)
            return Problems.Invalid("advance", new Dictionary<string, string[]> { ["seconds"] = [$"It is how far the clock is moved forward: a number from 0.001 to {Farthest.TotalSeconds} (a week)."] });
        var moved = await clock.AdvanceAsync(TimeSpan.FromMilliseconds((double)(seconds * 1000)), ct).ConfigureAwait(false);
        return moved.Moved == moved.Processes ? Results.Ok(moved) : Results.Json(moved, statusCode: StatusCodes.Status202Accepted);
    }

    private sealed record Advance(decimal? Seconds);
}
