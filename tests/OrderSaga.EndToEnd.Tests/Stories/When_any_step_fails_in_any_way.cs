using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>Every row of the table in every way in which a step can fail, over RabbitMQ and PostgreSQL: all at once, in one shop.</summary>
public class When_any_step_fails_in_any_way
{
    private static readonly string[] Settings =
        ["--environment", "Development", "--Checkout:Steps:CheckFraud", "true", "--Checkout:UndoPauses:0", "00:00:02", "--Checkout:UndoPauses:1", "00:00:04"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_end_as_the_rules_say()
    {
        await using var place = await ServersPlace.MakeAsync();
        await using var shop = await Shop.StartAsync(place, Ct, more: Settings);
        var placed = await Task.WhenAll(Cell.All.Where(cell => cell.Kind != FaultKind.Crash).Select(async cell => (Cell: cell, Id: await shop.OrderAsync(Shop.With(cell.Plan, giftWrap: true)))));
        await shop.AllRestAsync(place);
        // What was answered too late comes by then, and changes nothing.
        await shop.AdvanceAsync(TimeSpan.FromMinutes(2));
        await EndAsTheRulesSayAsync(shop, place, placed);

        var stuck = placed.Where(p => p.Cell.IsStuck).ToList();
        Assert.Equal(stuck.Count, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.stuck WHERE resolved_at IS NULL"));
        foreach (var (cell, id) in stuck)
        {
            using var retried = await shop.Http.PostAsync($"/ops/stuck/{id}/{cell.Name}/retry", null, Ct);
            Assert.True(retried.IsSuccessStatusCode, $"{cell}: {retried.StatusCode}");
        }

        // A person finished them, so there is nothing left to finish; and nobody hears of it again.
        await shop.UntilAsync(place, async () => await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE current_state NOT IN ('Complete', 'Compensated')") == 0,
            () => place.ScalarAsync<string>("SELECT string_agg(concat_ws(' ', order_id, current_state, steps, asked, phase), '; ') FROM checkout.order_state WHERE current_state NOT IN ('Complete', 'Compensated')"));
        Assert.Equal(0, await place.ScalarAsync<long>("SELECT count(*) FROM checkout.stuck WHERE resolved_at IS NULL"));

        // A confirmation that is refused is one that nobody got: it is said to be missing, to a person too.
        var untold = placed.Single(p => p.Cell is { Kind: FaultKind.Refuse, State: "Complete" }).Id;
        await Books.AgreeAsync(place, Ct, known: "1: an order was not told its end exactly once");
        var books = await shop.Http.GetFromJsonAsync<JsonElement>("/ops/reconciliation?settled=0", Ct);
        Assert.Equal([$"notifications {untold}"], books.GetProperty("checks").EnumerateArray().SelectMany(c => c.GetProperty("examples").EnumerateArray().Select(e => $"{c.GetProperty("name")} {e}")));
        Assert.Equal(1, await place.ScalarAsync<long>($"SELECT count(*) FROM ops.alerts WHERE saga_id = '{untold}'"));
    }

    [Fact]
    public async Task Should_end_as_the_rules_say_though_the_process_dies_of_it()
    {
        await using var place = await ServersPlace.MakeAsync();
        await using var shops = new Supervised(() => Shop.Launch(place, more: Settings));
        var placed = new List<(Cell Cell, Guid Id)>();
        foreach (var cell in Cell.All.Where(cell => cell.Kind == FaultKind.Crash))
            placed.Add((cell, await shops.AskAsync(shop => shop.OrderAsync(Shop.With(cell.Plan, giftWrap: true), key: cell.Name), Ct)));

        for (var (before, i) = (0L, 0); await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE ended_at IS NULL") is > 0 and var open; i++)
        {
            Assert.True(i < 400, $"{open} orders do not come to rest.");
            var now = await place.ScalarAsync<long>("SELECT sum(version)::bigint FROM checkout.order_state");
            if (now == before)
                await shops.AskAsync(shop => shop.AdvanceAsync(TimeSpan.FromSeconds(5)), Ct);
            before = now;
            await Task.Delay(250, Ct);
        }

        Assert.InRange(shops.Deaths, 1, placed.Count);
        await shops.AskAsync(async shop =>
        {
            await EndAsTheRulesSayAsync(shop, place, placed);
            await shop.BooksAgreeAsync(place);
            return 0;
        }, Ct);
    }

    private static async Task EndAsTheRulesSayAsync(Shop shop, Place place, IEnumerable<(Cell Cell, Guid Id)> placed)
    {
        var wrong = new List<string>();
        foreach (var (cell, id) in placed)
        {
            var order = await shop.ReadAsync(id, Ct);
            var expected = cell.Expected(order.GetProperty("total").ValueKind == JsonValueKind.Null ? null : order.GetProperty("total").GetDecimal());
            var actual = string.Join(" | ",
                $"{order.GetProperty("state")} {order.GetProperty("reason")}".Trim(),
                string.Join(' ', order.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("status").GetString())),
                await place.UndosAsync(id),
                await shop.LedgerAsync(id),
                string.Join(", ", await place.RowsAsync($"SELECT kind FROM notification.notifications WHERE order_id = '{id}'", r => r.GetString(0))));
            if (actual != expected)
                wrong.Add($"{cell}\n  expected: {expected}\n  actual:   {actual}\n{await place.LogOfAsync(id)}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
