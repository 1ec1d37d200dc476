using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>One client that asks too much is told so, and is nobody else's trouble.</summary>
public class When_a_client_asks_too_often
{
    private const int Rate = 5, Sent = 40;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_told_when_to_come_back_and_counted_by_what_it_asks()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--Web:OrdersPerSecond", $"{Rate}", "--Web:RequestsPerSecond", "0"]);
        var answers = await BurstAsync(() => shop.PlaceAsync(Shop.Order(), ct: Ct));
        var refused = answers.Where(a => a.StatusCode == HttpStatusCode.TooManyRequests).ToList();
        Assert.Equal(Sent, refused.Count + answers.Count(a => a.StatusCode == HttpStatusCode.Accepted));
        Assert.InRange(refused.Count, 1, Sent - Rate);
        Assert.Equal(Sent - refused.Count, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state"));
        foreach (var answer in refused)
        {
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
            var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
            Assert.Equal(("too-many-requests", 429), (problem.GetProperty("type").GetString(), problem.GetProperty("status").GetInt32()));
            Assert.True(answer.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1), $"{answer.Headers.RetryAfter}");
        }

        // Reading is counted apart, here not at all; and after the time that was said it may order again.
        Assert.All(await BurstAsync(() => shop.Http.GetAsync($"/orders/{Guid.Empty}", Ct)), a => Assert.Equal(HttpStatusCode.NotFound, a.StatusCode));
        await Task.Delay(refused[0].Headers.RetryAfter!.Delta!.Value, Ct);
        using var later = await shop.PlaceAsync(Shop.Order(), ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, later.StatusCode);
    }

    [Fact]
    public async Task Should_be_known_by_its_address_and_behind_a_trusted_proxy_by_what_that_says()
    {
        await using var place = await ServersPlace.MakeAsync();
        string[] limits = ["--Web:OrdersPerSecond", "0", "--Web:RequestsPerSecond", $"{Rate}"];
        await using (var shop = await Shop.StartAsync(place, Ct, more: limits))
        {
            // Nobody is trusted: whoever they say that they are, they are one.
            Assert.InRange(Refused(await BurstAsync(() => ReadAsync(shop, $"203.0.113.{Random.Shared.Next(255)}"))), 1, Sent - Rate);
            // Who looks after the process is never refused, nor are orders, which have a rate of their own.
            Assert.Equal(0, Refused(await BurstAsync(() => shop.Http.GetAsync("/health/live", Ct))));
            Assert.Equal(0, Refused(await BurstAsync(() => shop.PlaceAsync(Shop.Order(), ct: Ct))));
        }

        await using var behind = await Shop.StartAsync(place, Ct, more: [.. limits, "--Web:Proxies", "127.0.0.0/8, ::1"]);
        var next = 0;
        Assert.Equal(0, Refused(await BurstAsync(() => ReadAsync(behind, $"203.0.113.{Interlocked.Increment(ref next)}"))));
        Assert.InRange(Refused(await BurstAsync(() => ReadAsync(behind, "203.0.113.250"))), 1, Sent - Rate);
        // All addresses of one IPv6 network are one client; what a client puts before the proxy's own word counts for nothing.
        next = 0;
        Assert.InRange(Refused(await BurstAsync(() => ReadAsync(behind, $"2001:db8::{Interlocked.Increment(ref next)}"))), 1, Sent - Rate);
        Assert.InRange(Refused(await BurstAsync(() => ReadAsync(behind, $"203.0.113.{Interlocked.Increment(ref next)}, 203.0.113.251"))), 1, Sent - Rate);
    }

    private static async Task<HttpResponseMessage> ReadAsync(Shop shop, string forwardedFor)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/orders/{Guid.Empty}");
        request.Headers.Add("X-Forwarded-For", forwardedFor);
        return await shop.Http.SendAsync(request, Ct);
    }

    private static int Refused(IEnumerable<HttpResponseMessage> answers) => answers.Count(a => a.StatusCode == HttpStatusCode.TooManyRequests);

    private static async Task<HttpResponseMessage[]> BurstAsync(Func<Task<HttpResponseMessage>> send) => await Task.WhenAll(Enumerable.Range(0, Sent).Select(_ => send()));
}
