using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web;

/// <summary>
/// The first part of a stop: whoever wants to change something is sent elsewhere, and what is under way is finished. HTTP goes on
/// answering for as long as somebody still asks, so that a balancer hears of it, and for a few seconds at most.
/// </summary>
internal sealed class Farewell(IHostApplicationLifetime host) : IHostedLifecycleService
{
    private const string RetryAfter = "5";
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(200);

    private int underWay;
    private long lastAsked;

    public async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        Interlocked.Exchange(ref lastAsked, Stopwatch.GetTimestamp());
        if (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
        {
            await next(http).ConfigureAwait(false);
            return;
        }

        // Counted before it is looked at, or the stop could begin between the two.
        Interlocked.Increment(ref underWay);
        try
        {
            if (host.ApplicationStopping.IsCancellationRequested)
                await RefuseAsync(http).ConfigureAwait(false);
            else
                await next(http).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref underWay);
        }
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < Longest && !cancellationToken.IsCancellationRequested;)
        {
            var quiet = Stopwatch.GetElapsedTime(Interlocked.Read(ref lastAsked)) > Quiet;
            if (Volatile.Read(ref underWay) == 0 && quiet)
                return;
            await Task.Delay(Quiet / 4, CancellationToken.None).ConfigureAwait(false);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static Task RefuseAsync(HttpContext http)
    {
        http.Response.Headers.RetryAfter = RetryAfter;
        return Problems.Of(StatusCodes.Status503ServiceUnavailable, "stopping", "This process is about to stop.", "Nothing was stored. Try again in a few seconds, under the same Idempotency-Key.").ExecuteAsync(http);
    }
}
