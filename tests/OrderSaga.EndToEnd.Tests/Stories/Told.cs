using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>What the tellers of stories do with a shop in Development: place orders, let time pass, and look at all the books.</summary>
internal static class Told
{
    // Much less than a step has: who is only slow today is asked again at worst.
    private static readonly TimeSpan Leap = TimeSpan.FromSeconds(5), Patience = TimeSpan.FromMinutes(4);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<Guid> OrderAsync(this Shop shop, JsonElement order, string? key = null)
    {
        using var response = await shop.PlaceAsync(order, key: key, ct: Ct);
        var body = await response.Content.ReadAsStringAsync(Ct);
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{response.StatusCode} {body}\n{shop.Lately}");
        return JsonElement.Parse(body).GetProperty("orderId").GetGuid();
    }

    /// <summary>Moves the clock. What is due by then comes due a moment later.</summary>
    public static async Task<DateTimeOffset> AdvanceAsync(this Shop shop, TimeSpan by)
    {
        using var response = await shop.Http.PostAsJsonAsync("/ops/clock/advance", new { seconds = by.TotalSeconds }, Ct);
        var moved = await response.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.True(response.IsSuccessStatusCode, $"{response.StatusCode} {moved}");
        return moved.GetProperty("now").GetDateTimeOffset();
    }

    /// <summary>Waits until it holds, and moves the clock whenever no order moves by itself.</summary>
    public static async Task UntilAsync(this Shop shop, Place place, Func<Task<bool>> holds, Func<Task<string>> tell, TimeSpan? leap = null)
    {
        var before = 0L;
        for (var patience = Stopwatch.StartNew(); !await holds();)
        {
            if (patience.Elapsed > Patience)
                Assert.Fail($"{await tell()}\n{shop.Lately}");
            var now = await place.ScalarAsync<long>("SELECT coalesce(sum(version), 0)::bigint FROM checkout.order_state");
            if (now == before)
                await shop.AdvanceAsync(leap ?? Leap);
            before = now;
            await Task.Delay(250, Ct);
        }
    }

    /// <summary>Where an order came to rest, after whatever time that takes.</summary>
    public static async Task<JsonElement> EndOfAsync(this Shop shop, Place place, Guid id, string state, string? reason = null, TimeSpan? leap = null)
    {
        await shop.AllRestAsync(place, leap);
        var end = await shop.ReadAsync(id, Ct);
        Assert.True((state, reason) == (end.GetProperty("state").GetString(), end.GetProperty("reason").GetString()), $"Expected {state} {reason}, but it is {end}\n{await place.LogOfAsync(id)}");
        return end;
    }

    /// <summary>Waits until every order is at rest, after whatever time that takes.</summary>
    public static Task AllRestAsync(this Shop shop, Place place, TimeSpan? leap = null) => shop.UntilAsync(
        place, async () => await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE ended_at IS NULL") == 0,
        () => place.ScalarAsync<string>("SELECT 'Not at rest: ' || string_agg(concat_ws(' ', order_id, current_state, 'waits for', asked, phase, attempt), '; ') FROM checkout.order_state WHERE ended_at IS NULL"), leap);

    /// <summary>Waits until an order waits for just this, as its row says it: "ChargePayment awaiting 1".</summary>
    public static async Task WaitsForAsync(this Place place, Guid order, string what)
    {
        var now = "";
        for (var patience = Stopwatch.StartNew(); now != what; await Task.Delay(25, Ct))
        {
            now = await place.ScalarAsync<string>($"SELECT concat_ws(' ', asked, phase, attempt) FROM checkout.order_state WHERE order_id = '{order}'");
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), $"It should wait for {what}, and waits for: {now}\n{await place.LogOfAsync(order)}");
        }
    }

    public static async Task<string> LogOfAsync(this Place place, Guid order) => string.Join('\n', await place.RowsAsync(
        $"SELECT concat_ws(' ', seq, step, direction, status, 'asks', coalesce(asks, 'nothing'), error) FROM checkout.saga_log WHERE order_id = '{order}' ORDER BY seq", r => r.GetString(0)));

    /// <summary>What became of the undos, in the order in which that was clear: "ReserveInventory undone, CreateOrder stuck".</summary>
    public static async Task<string> UndosAsync(this Place place, Guid order) => string.Join(", ", await place.RowsAsync(
        $"SELECT step || ' ' || status FROM checkout.saga_log WHERE order_id = '{order}' AND direction = 'undo' AND status IN ('undone', 'stuck') ORDER BY seq", r => r.GetString(0)));

    /// <summary>What the gateway really took of an order, and gave back.</summary>
    public static async Task<string> LedgerAsync(this Shop shop, Guid order) => string.Join(", ", (await shop.Http.GetFromJsonAsync<JsonElement[]>($"/gateway/charges?orderId={order}", Ct))!
        .Select(c => string.Create(CultureInfo.InvariantCulture, $"charged {c.GetProperty("amount").GetDecimal():0.00}, refunded {c.GetProperty("refunded").GetDecimal():0.00}")));

    /// <summary>Asserts that everybody's books agree: the services', the gateway's, the customers', and what operators are shown of them.</summary>
    public static async Task BooksAgreeAsync(this Shop shop, Place place)
    {
        await Books.AgreeAsync(place, Ct);
        var books = await shop.Http.GetFromJsonAsync<JsonElement>("/ops/reconciliation?settled=0", Ct);
        Assert.Equal(JsonValueKind.Null, books.GetProperty("notChecked").ValueKind);
        Assert.All(books.GetProperty("checks").EnumerateArray(), check => Assert.True(check.GetProperty("count").GetInt32() == 0, check.ToString()));
    }
}
