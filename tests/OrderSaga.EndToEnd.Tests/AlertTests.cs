using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Whoever is on call hears of an order that needs a hand, once, though the program is killed in between.</summary>
public class When_an_undo_gets_stuck
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("embedded")]
    [InlineData("servers")]
    public async Task Should_alert_once_and_again_after_a_crash_if_nobody_took_it(string kind)
    {
        var (posts, answer) = (new ConcurrentQueue<JsonElement>(), 500);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        await using var receiver = builder.Build();
        receiver.Run(async http =>
        {
            posts.Enqueue((await JsonDocument.ParseAsync(http.Request.Body)).RootElement);
            http.Response.StatusCode = answer;
        });
        await receiver.StartAsync(Ct);
        string[] settings =
        [
            "--Faults:Enabled", "true", "--Checkout:UndoTime", "00:00:04", "--Checkout:UndoPauses:0", "00:00:00.5",
            "--Alerts:Webhook", $"{receiver.Urls.Single()}/hook", "--Alerts:Secret", "known to both sides",
        ];

        await using var place = await Place.OfAsync(kind);
        Guid id;
        await using (var shop = await Shop.StartAsync(place, Ct, more: settings))
        {
            var order = Shop.With("CreateShipment refuse, ChargePayment undo-throw, ReserveInventory undo-throw");
            using var placed = await shop.PlaceAsync(order, ct: Ct);
            Assert.Equal(HttpStatusCode.Accepted, placed.StatusCode);
            id = await place.ScalarAsync<Guid>("SELECT order_id FROM checkout.order_state");
            var end = await shop.AtRestAsync(id, Ct);
            Assert.Equal("Failed", end.GetProperty("state").GetString());
            while (posts.IsEmpty)
                await Task.Delay(50, Ct);
            await shop.KillAsync();
        }

        answer = 204;
        await using var next = await Shop.StartAsync(place, Ct, more: settings);
        while (await place.ScalarAsync<long>("SELECT count(*) FROM ops.alerts WHERE status = 'sent'") == 0)
            await Task.Delay(50, Ct);

        // Two undos are stuck, and the order is one; a second try says the same under the same id.
        Assert.Equal(2, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.stuck"));
        Assert.Equal(1, await place.ScalarAsync<long>("SELECT count(*) FROM ops.alerts"));
        var alert = Assert.Single(posts.Select(p => p.GetRawText()).Distinct());
        Assert.Contains(id.ToString(), alert, StringComparison.Ordinal);
        Assert.Contains("RefundPayment is stuck", alert, StringComparison.Ordinal);
    }
}
