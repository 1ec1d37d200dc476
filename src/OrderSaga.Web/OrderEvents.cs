using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>
/// Every change of an order as it comes, as server-sent events: the id is the order's version, the data the order as GET shows it. A client
/// that comes back says what it saw last, and gets what was since.
/// </summary>
internal sealed class OrderEvents(Queries queries, IOptions<WebOptions> options, IOptions<JsonOptions> json, IHostApplicationLifetime lifetime, TimeProvider time) : IDisposable
{
    private const string LastEventId = "Last-Event-ID";
    private readonly SemaphoreSlim places = new(options.Value.EventStreams);

    public async Task<IResult> StreamAsync(Guid orderId, HttpContext http, CancellationToken ct)
    {
        var seen = 0;
        if (http.Request.Headers[LastEventId].ToString() is { Length: > 0 } last && !int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out seen))
            return Problems.Invalid("question", new Dictionary<string, string[]> { [LastEventId] = ["It is the id of an event of this order, a whole number; leave it out for all events."] });
        if (await queries.FindAsync(orderId, ct).ConfigureAwait(false) is not { } order)
            return OrdersApi.Unknown(orderId);
        // Tells a browser not to come back: a stream that only ends would be opened again.
        if (order.AtRest() && order.Version <= seen)
            return Results.NoContent();
        if (!await places.WaitAsync(0, ct).ConfigureAwait(false))
        {
            http.Response.Headers.RetryAfter = "5";
            return Problems.Of(503, "too-many-streams", "Too many clients follow orders here.", "Try again in a few seconds, or ask with GET /orders/{orderId} now and then.");
        }

        try
        {
            await WriteAsync(orderId, seen, http, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client has left, or the process stops; who comes back goes on where it was.
        }
        finally
        {
            places.Release();
        }

        return Results.Empty;
    }

    public void Dispose() => places.Dispose();

    private async Task WriteAsync(Guid orderId, int seen, HttpContext http, CancellationToken ct)
    {
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache, no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no"; // nginx would keep events until it has enough of them
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        await SendAsync(http, "retry: 1000\n\n", stop.Token).ConfigureAwait(false);
        var changes = queries.FollowAsync(orderId, seen, stop.Token).GetAsyncEnumerator(stop.Token);
        await using (changes.ConfigureAwait(false))
        {
            var next = changes.MoveNextAsync().AsTask();
            try
            {
                while (true)
                {
                    // Nothing is read of the order while the client has not taken what was sent.
                    if (await Task.WhenAny(next, Task.Delay(options.Value.Heartbeat, time, stop.Token)).ConfigureAwait(false) != next)
                        await SendAsync(http, ":\n\n", stop.Token).ConfigureAwait(false);
                    else if (await next.ConfigureAwait(false))
                    {
                        await SendAsync(http, Event(changes.Current), stop.Token).ConfigureAwait(false);
                        next = changes.MoveNextAsync().AsTask();
                    }
                    else
                        return;
                }
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private string Event(OrderView order) =>
        string.Create(CultureInfo.InvariantCulture, $"id: {order.Version}\ndata: {JsonSerializer.Serialize(order, json.Value.SerializerOptions)}\n\n");

    private static async Task SendAsync(HttpContext http, string text, CancellationToken ct)
    {
        await http.Response.WriteAsync(text, ct).ConfigureAwait(false);
        await http.Response.Body.FlushAsync(ct).ConfigureAwait(false);
    }
}
