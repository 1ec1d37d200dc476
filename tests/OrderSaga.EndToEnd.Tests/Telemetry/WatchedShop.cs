using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Telemetry;

[CollectionDefinition(nameof(WatchedShop))]
public sealed class WatchedShops : ICollectionFixture<WatchedShop>;

/// <summary>One shop for all that is told of it, on real servers; its log is JSON.</summary>
public sealed class WatchedShop : IAsyncLifetime
{
    private const string ReadersKey = "a-key-for-those-who-look";
    private ServersPlace? place;
    private Shop? shop;

    internal ServersPlace Place => place!;

    internal Shop Shop => shop!;

    public async ValueTask InitializeAsync()
    {
        place = await ServersPlace.MakeAsync();
        shop = await Shop.StartAsync(place, TestContext.Current.CancellationToken, roles: null, "--environment", "Development",
            "--Ops:Readers", $"prometheus:{ReadersKey}", "--Ops:ApiKey", "a-key-for-those-who-act", "--Logging:Console:FormatterName", "json");
    }

    internal async Task<MetricsText> MetricsAsync(CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Authorization = new("Bearer", ReadersKey);
        using var answer = await Shop.Http.SendAsync(request, ct);
        answer.EnsureSuccessStatusCode();
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        return MetricsText.Read(await answer.Content.ReadAsStringAsync(ct));
    }

    /// <summary>The metrics, once they show something.</summary>
    internal async Task<MetricsText> MetricsShowAsync(Func<MetricsText, bool> so, string what, CancellationToken ct)
    {
        for (var patience = Stopwatch.StartNew(); ;)
        {
            var metrics = await MetricsAsync(ct);
            if (so(metrics))
                return metrics;
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), $"The metrics never show {what}.\n{Shop.Lately}");
            await Task.Delay(100, ct);
        }
    }

    internal async Task AdvanceAsync(int seconds, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/ops/clock/advance") { Content = JsonContent.Create(new { seconds }) };
        request.Headers.Authorization = new("Bearer", "a-key-for-those-who-act");
        using var answer = await Shop.Http.SendAsync(request, ct);
        answer.EnsureSuccessStatusCode();
    }

    internal async Task<Guid> OrderAsync(JsonElement order, CancellationToken ct)
    {
        using var placed = await Shop.PlaceAsync(order, ct: ct);
        return (await placed.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("orderId").GetGuid();
    }

    public async ValueTask DisposeAsync()
    {
        if (shop is not null)
            await shop.DisposeAsync();
        if (place is not null)
            await place.DisposeAsync();
    }
}
