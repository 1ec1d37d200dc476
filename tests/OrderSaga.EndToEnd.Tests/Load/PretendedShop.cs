using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OrderSaga.EndToEnd.Tests.Load;

/// <summary>What a load program sees of a shop, by real HTTP: it takes orders and tells when they have ended, as slowly and badly as it is told to.</summary>
internal sealed class PretendedShop : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<Guid, JsonElement> placed = new();
    private readonly Func<int, CancellationToken, Task<int>> takes;
    private readonly Func<JsonElement, CancellationToken, Task<string>> ends;
    private int underWay, most, asked;

    private PretendedShop(Func<int, CancellationToken, Task<int>> takes, Func<JsonElement, CancellationToken, Task<string>> ends)
    {
        (this.takes, this.ends) = (takes, ends);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapPost("/orders", PlaceAsync);
        app.MapPost("/orders/{id:guid}/cancel", () => Results.Conflict());
        app.MapGet("/orders/{id:guid}/events", EndAsync);
    }

    public Uri Url => new(app.Urls.First());

    /// <summary>The most orders that were under way at a time.</summary>
    public int Most => most;

    /// <summary>How often it was asked to take an order.</summary>
    public int Asked => asked;

    /// <param name="takes">What happens before the n-th order is taken; a status other than 202 refuses it.</param>
    /// <param name="ends">What happens until an order has ended; its state.</param>
    public static async Task<PretendedShop> OpenAsync(Func<int, CancellationToken, Task<int>>? takes = null, Func<JsonElement, CancellationToken, Task<string>>? ends = null)
    {
        var shop = new PretendedShop(takes ?? ((_, _) => Task.FromResult(202)), ends ?? ((_, _) => Task.FromResult("Complete")));
        await shop.app.StartAsync();
        return shop;
    }

    /// <summary>From one moment to the next it is not there, whoever waits for it.</summary>
    public Task DieAsync() => app.StopAsync(new CancellationToken(canceled: true));

    public async ValueTask DisposeAsync()
    {
        await DieAsync();
        await app.DisposeAsync();
    }

    private async Task<IResult> PlaceAsync(JsonElement body, CancellationToken ct)
    {
        var n = Interlocked.Increment(ref asked);
        var status = await takes(n, ct);
        if (status != 202)
            return Results.Problem(statusCode: status, title: "It is broken.");
        var id = Guid.NewGuid();
        placed[id] = body;
        var now = Interlocked.Increment(ref underWay);
        for (var seen = most; now > seen && Interlocked.CompareExchange(ref most, now, seen) != seen;)
            seen = most;
        return Results.Json(new { orderId = id, endedAt = (string?)null }, statusCode: 202);
    }

    private async Task EndAsync(Guid id, HttpContext http)
    {
        http.Response.ContentType = "text/event-stream";
        await http.Response.WriteAsync("id: 1\ndata: {\"state\":\"Pending\",\"endedAt\":null}\n\n", http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
        var state = await ends(placed[id], http.RequestAborted);
        Interlocked.Decrement(ref underWay);
        await http.Response.WriteAsync($"id: 2\ndata: {{\"state\":\"{state}\",\"endedAt\":\"2026-01-01T00:00:00Z\"}}\n\n", http.RequestAborted);
    }
}
