using System.Net.Http.Json;
using System.Text.Json;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>Hours of it, and no more than an order has.</summary>
[Collection(nameof(StoryShop))]
public class When_time_passes(StoryShop story)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_called_slow_after_half_a_minute_and_be_undone_after_five()
    {
        // Gift wrapping has more time here than an order has.
        var order = await story.OrderAsync("WrapGift silent", giftWrap: true);
        await story.Place.WaitsForAsync(order, "WrapGift awaiting 1");
        Assert.Equal(0, await SlowAsync());
        Assert.DoesNotContain("takes longer", await story.Shop.Http.GetStringAsync($"/console/orders/{order}", Ct), StringComparison.Ordinal);
        await story.AdvanceAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(1, await SlowAsync());
        Assert.Contains("This order takes longer than 30 s: it waits for WrapGift, of shipping.", await story.Shop.Http.GetStringAsync($"/console/orders/{order}", Ct), StringComparison.Ordinal);
        Assert.Equal("PriceFrozen", (await story.Shop.ReadAsync(order, Ct)).GetProperty("state").GetString());

        await story.AdvanceAsync(TimeSpan.FromMinutes(3.5));
        await story.Place.WaitsForAsync(order, "WrapGift awaiting 2");
        await story.AdvanceAsync(TimeSpan.FromMinutes(1));
        var end = await story.EndOfAsync(order, "Compensated", "OUT_OF_TIME");
        Assert.InRange(end.GetProperty("endedAt").GetDateTimeOffset() - end.GetProperty("startedAt").GetDateTimeOffset(), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
        Assert.Equal("WrapGift undone, FreezePrice undone, ReserveInventory undone, CreateOrder undone", await story.Place.UndosAsync(order));
        await story.AgreesAsync((order, "apology"));
    }

    [Fact]
    public async Task Should_take_hours_while_somebody_says_that_he_is_at_work_and_end_when_he_says_no_more()
    {
        // A warehouse of somebody else's: it took the order over, and says so from time to time.
        var order = await story.OrderAsync("CreateShipment silent");
        await story.Place.WaitsForAsync(order, "CreateShipment awaiting 1");
        for (var (hour, now) = (0, await story.AdvanceAsync(TimeSpan.FromSeconds(1))); hour < 6; hour++)
        {
            await story.Place.PublishAsync("step-progress", new { orderId = order, step = "CreateShipment", until = now + TimeSpan.FromMinutes(61) }, "StepProgress");
            for (var i = 0; await story.Place.ScalarAsync<long>($"SELECT count(*) FROM checkout.saga_log WHERE order_id = '{order}' AND status = 'still at work'") <= hour; i++, await Task.Delay(25, Ct))
                Assert.True(i < 600, await story.Place.LogOfAsync(order));
            now = await story.AdvanceAsync(TimeSpan.FromHours(1));
        }

        Assert.Equal("PaymentCharged", (await story.Shop.ReadAsync(order, Ct)).GetProperty("state").GetString());
        await story.AdvanceAsync(TimeSpan.FromMinutes(1));
        await story.EndOfAsync(order, "Compensated", "STEP_SILENT");
        Assert.Equal("charged 3.99, refunded 3.99", await story.Shop.LedgerAsync(order));
        await story.AgreesAsync((order, "apology"));
    }

    private async Task<int> SlowAsync() => (await story.Shop.Http.GetFromJsonAsync<JsonElement>("/ops/summary", Ct)).GetProperty("slow").GetInt32();
}
