using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services.Tests;

/// <summary>The real gateway simulator over real HTTP, and the road to it, on which a call may get lost.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<Func<HttpContext, RequestDelegate, Task>> road = [];
    private readonly List<string> calls = [];
    private readonly List<(Func<IReadOnlyList<string>, bool> Are, TaskCompletionSource There)> waiting = [];

    private TestGateway(WebApplication app) => this.app = app;

    public Uri Address { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    /// <summary>What was sent to it: method, path with query, key.</summary>
    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (calls)
                return [.. calls];
        }
    }

    public static async Task<TestGateway> StartAsync(Database database, TimeProvider time, int port = 0)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton(time).AddRouting();
        builder.Services.AddGatewaySimulator(database, slow: TimeSpan.FromSeconds(70));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        var app = builder.Build();
        var gateway = new TestGateway(app);
        app.Use(next => context => gateway.PassAsync(context, next));
        app.MapGatewaySimulator();
        await app.StartAsync();
        gateway.Address = new(app.Urls.Single());
        gateway.Http = new HttpClient { BaseAddress = gateway.Address };
        return gateway;
    }

    /// <summary>The next calls are answered with an error, and never get there.</summary>
    public void Fails(int times)
    {
        for (var i = 0; i < times; i++)
            road.Enqueue((context, _) =>
            {
                context.Response.StatusCode = 503;
                return Task.CompletedTask;
            });
    }

    public void Works() => road.Clear();

    /// <summary>The next call gets no answer. It is done all the same, or never gets there.</summary>
    public void IsSilent(bool does) => road.Enqueue(async (context, next) =>
    {
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(Stream.Null));
        var hungUp = new TaskCompletionSource();
        await using var registration = context.RequestAborted.Register(hungUp.SetResult);
        if (does)
            await next(context);
        lock (calls)
            calls.Add("silence");
        Tell();
        await hungUp.Task;
    });

    /// <summary>Completes when these calls have come.</summary>
    public Task UntilAsync(Func<IReadOnlyList<string>, bool> are)
    {
        var there = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (calls)
            waiting.Add((are, there));
        Tell();
        return there.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    public Task<HttpResponseMessage> ChargeAsync(string? key, object ask, CancellationToken ct = default) => PostAsync("gateway/charges", key, ask, ct);

    public Task<HttpResponseMessage> RefundAsync(string chargeId, string? key, object ask) => PostAsync($"gateway/charges/{chargeId}/refunds", key, ask);

    /// <summary>The money of an order, as the gateway's books have it: amount, currency, status and what was given back.</summary>
    public async Task<string> LedgerAsync(Guid orderId) => string.Join(", ", (await ReadAsync($"orderId={orderId}")).Select(c =>
        $"{c.GetProperty("amount")} {c.GetProperty("currency")} {c.GetProperty("status")} {c.GetProperty("refunded")}"));

    public async Task<JsonElement[]> ReadAsync(string query) =>
        (await Http.GetFromJsonAsync<JsonElement[]>(new Uri($"gateway/charges?{query}", UriKind.Relative), TestContext.Current.CancellationToken))!;

    public Task StopAsync() => app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await app.DisposeAsync();
    }

    private async Task<HttpResponseMessage> PostAsync(string path, string? key, object ask, CancellationToken ct = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = JsonContent.Create(ask) };
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return await Http.SendAsync(request, ct);
    }

    private async Task PassAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        // Looks into the books from the tests themselves are no calls of interest.
        if (request.Method == "POST" || request.Query.ContainsKey("key"))
        {
            lock (calls)
                calls.Add($"{request.Method} {request.Path}{request.QueryString} {request.Headers["Idempotency-Key"]}".TrimEnd());
            Tell();
            if (road.TryDequeue(out var trouble))
            {
                await trouble(context, next);
                return;
            }
        }

        await next(context);
    }

    private void Tell()
    {
        lock (calls)
            waiting.RemoveAll(w => w.Are(calls) && w.There.TrySetResult());
    }
}
