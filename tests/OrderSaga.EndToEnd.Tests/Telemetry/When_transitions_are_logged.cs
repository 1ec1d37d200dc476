using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Telemetry;

[Collection(nameof(WatchedShop))]
public sealed class When_transitions_are_logged(WatchedShop watched)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Also where two are decided at once, and the slower one begins again.</summary>
    [Fact]
    public async Task Should_be_one_line_for_each_and_none_for_what_was_not_committed()
    {
        var orders = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            var id = await watched.OrderAsync(i % 3 == 0 ? Shop.Order(token: "tok_declined") : Shop.With("CreateOrder duplicate, ReserveInventory duplicate"), Ct);
            if (i % 2 == 0)
                await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ => (await watched.Shop.Http.PostAsJsonAsync($"/orders/{id}/cancel", new { }, Ct)).Dispose()));
            await watched.Shop.AtRestAsync(id, Ct);
            return id;
        }));

        // The answers that came twice may come after the end.
        List<(Guid Order, int Seq, string Says)> rows = [], lines = [];
        for (var (i, still) = (0, 0); i < 100 && (still < 5 || lines.Count < rows.Count); i++)
        {
            await Task.Delay(100, Ct);
            var before = rows.Count;
            rows = [.. (await watched.Place.RowsAsync("SELECT order_id, seq, status FROM checkout.saga_log", r => (r.GetGuid(0), r.GetInt32(1), r.GetString(2)))).Where(r => orders.Contains(r.Item1))];
            still = rows.Count == before ? still + 1 : 0;
            lines = [.. Lines().Where(l => orders.Contains(l.Order))];
        }

        Assert.Equal(rows.Order(), lines.Order());
        Assert.InRange(rows.Count, 12 * 5, 12 * 30);
    }

    private IEnumerable<(Guid Order, int Seq, string Says)> Lines()
    {
        foreach (var line in watched.Shop.Output.Split('\n').Where(l => l.StartsWith('{')))
        {
            var entry = JsonDocument.Parse(line).RootElement;
            if (entry.GetProperty("Category").GetString() != "OrderSaga.Orchestrator.Transitions")
                continue;
            var state = entry.GetProperty("State");
            var transition = (state.GetProperty("OrderId").GetGuid(), state.GetProperty("Seq").GetInt32(), state.GetProperty("Says").GetString()!);
            Assert.InRange(entry.GetProperty("EventId").GetInt32(), 1001, 1099);
            Assert.StartsWith($"Order {transition.Item1} in state ", entry.GetProperty("Message").GetString(), StringComparison.Ordinal);
            yield return transition;
        }
    }
}
