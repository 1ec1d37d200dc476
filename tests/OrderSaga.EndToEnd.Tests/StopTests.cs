using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

public class When_the_program_is_told_to_stop
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(25);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("embedded")]
    [InlineData("servers")]
    public async Task Should_finish_or_keep_what_it_accepted(string kind)
    {
        await using var place = await Place.OfAsync(kind);
        var accepted = new ConcurrentBag<Guid>();
        var answers = new ConcurrentBag<HttpStatusCode>();
        await using (var shop = await Shop.StartAsync(place, Ct))
        {
            var clients = Enumerable.Range(0, 8).Select(_ => OrderAsync(shop, accepted, answers)).ToList();
            while (accepted.Count < 30)
                await Task.Delay(20, Ct);
            var watch = Stopwatch.StartNew();
            Assert.Equal(0, await shop.StopAsync("TERM"));
            Assert.True(watch.Elapsed < Bound, $"It took {watch.Elapsed}.\n{shop.Output}");
            await Task.WhenAll(clients);
            Assert.Contains("Stopping", shop.Output, StringComparison.Ordinal);
        }

        Assert.All(answers, a => Assert.True(a is HttpStatusCode.Accepted or HttpStatusCode.ServiceUnavailable, $"A client was answered {a}."));
        Assert.Contains(HttpStatusCode.ServiceUnavailable, answers);
        await using var next = await Shop.StartAsync(place, Ct, more: ["--Checkout:StepTime", "00:00:09"]);
        foreach (var order in accepted)
            Assert.Equal("Completed", (await next.AtRestAsync(order, Ct)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Should_send_home_who_waits_for_an_order()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct);
        var waiting = shop.PlaceAsync(Shop.Order(token: "tok_slow"), wait: 60, ct: Ct);
        while (await place.ScalarAsync<long>("SELECT count(*) FROM payment.intents") == 0)
            await Task.Delay(20, Ct);
        var stopping = shop.StopAsync("TERM");
        using var response = await waiting;
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(0, await stopping);
    }

    [Fact]
    public async Task Should_end_within_the_bound_whatever_hangs()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var database = place.WireToDatabase();
        using var broker = place.WireToBroker();
        await using var shop = await Shop.StartAsync(place, Ct, more: place.Through(database, broker));
        var clients = Enumerable.Range(0, 4).Select(_ => OrderAsync(shop, [], [])).ToList();
        broker.Be(Wire.State.Hanging);
        database.Be(Wire.State.Hanging);
        var watch = Stopwatch.StartNew();
        Assert.Equal(1, await shop.StopAsync("TERM"));
        Assert.True(watch.Elapsed < Bound, $"It took {watch.Elapsed}.\n{shop.Output}");
        Assert.Contains("It does not stop within", shop.Output, StringComparison.Ordinal);
        await Task.WhenAll(clients);
    }

    [Fact]
    public async Task Should_end_at_once_when_it_is_told_twice()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var database = place.WireToDatabase();
        await using var shop = await Shop.StartAsync(place, Ct, more: place.Through(database));
        using var order = await shop.PlaceAsync(Shop.Order(), wait: 30, ct: Ct);
        database.Be(Wire.State.Hanging);
        var clients = Enumerable.Range(0, 4).Select(_ => OrderAsync(shop, [], [])).ToList();
        var first = shop.StopAsync();
        await shop.SaysAsync("Stopping", Ct);
        var watch = Stopwatch.StartNew();
        Assert.Equal(130, await shop.StopAsync());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"It took {watch.Elapsed}.");
        await first;
        await Task.WhenAll(clients);
    }

    // Until it is there no more.
    private static async Task OrderAsync(Shop shop, ConcurrentBag<Guid> accepted, ConcurrentBag<HttpStatusCode> answers)
    {
        try
        {
            while (true)
            {
                using var response = await shop.PlaceAsync(Shop.Order(), ct: Ct);
                answers.Add(response.StatusCode);
                if (response.StatusCode == HttpStatusCode.Accepted)
                    accepted.Add((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid());
                else if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
                    Assert.NotNull(response.Headers.RetryAfter);
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // It has ended.
        }
    }
}
