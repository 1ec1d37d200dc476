using System.Diagnostics;
using System.Globalization;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Crashes;

/// <summary>Several nodes with the same roles read the same queues and look at the same rows. One of them dies, all of them are replaced, and orders go on.</summary>
public class When_nodes_compete_for_orders
{
    // Asked again after 3 s: what a node took with it is not waited for long, and no order is given up for 30 s.
    private static readonly string[] Settings = ["--Faults:Enabled", "true", "--Checkout:StepTime", "00:00:30", "--Checkout:Asks", "10"];
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(3 + 30);
    private static readonly Wish Order = new("visa", true, Shop.Order()), Silent = new("silent", true, Shop.With("FreezePrice silent 1"));

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_go_on_with_every_order_when_one_dies_and_when_all_are_replaced()
    {
        await using var place = await ServersPlace.MakeAsync();
        await using var services = await Member.StartAsync(place, "orders,inventory,pricing,payment,shipping,notification", Ct, Settings);
        await using var one = await Member.StartAsync(place, "orchestrator,web", Ct, Settings);
        await using var two = await Member.StartAsync(place, "orchestrator,web", Ct, Settings);
        await using var three = await Member.StartAsync(place, "orchestrator,web", Ct, Settings);
        Member[] nodes = [one, two, three];
        var customers = new Customers(() => [.. nodes.Select(n => n.Shop).Where(s => s.IsUp)]);

        // All three at the same orders, and at the same timers.
        await Task.WhenAll(Enumerable.Range(0, 48).Select(n => customers.PlaceAsync(n % 4 == 0 ? Silent : Order, Ct)));
        await AllCompleteAsync(place, "three nodes");
        Assert.Equal(0, customers.Retries);
        Assert.Equal(12L, await place.ScalarAsync<long>("SELECT count(DISTINCT order_id) FROM checkout.saga_log WHERE step = 'FreezePrice' AND status = 'asked again'"));

        // One dies with whatever it had in its hands, and stays away: the two others go on.
        await UnderLoadAsync(customers, async placed =>
        {
            await placed(10);
            await one.KillAsync(TimeSpan.FromSeconds(4));
            await placed(20);
        });
        await AllCompleteAsync(place, "one of three killed");

        // A deployment: each is told to end, and another one starts, under load.
        await one.ReadyAsync(Ct);
        await UnderLoadAsync(customers, async placed =>
        {
            foreach (var member in nodes.Append(services))
            {
                await placed(5);
                var old = member.Shop;
                Assert.Equal(0, await old.StopAsync("TERM"));
                while (member.Shop == old)
                    await Task.Delay(20, Ct);
                await member.ReadyAsync(Ct);
            }
        });
        await AllCompleteAsync(place, "each replaced");
        Assert.Equal(customers.Placed.Keys.Order(), (await place.RowsAsync("SELECT order_id FROM checkout.order_state", r => r.GetGuid(0))).Order());
        await Books.AgreeAsync(place, Ct);
        Tell($"{customers.Placed.Count} orders, {customers.Retries} requests sent again to another node");
    }

    // Orders come in all the time; what is done meanwhile can wait until some more have been accepted.
    private static async Task UnderLoadAsync(Customers customers, Func<Func<int, Task>, Task> act)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var buying = BuyAsync();
        await act(async more =>
        {
            for (var until = customers.Placed.Count + more; customers.Placed.Count < until;)
                await Task.WhenAny(buying, Task.Delay(20, Ct));
        });
        await enough.CancelAsync();
        await buying;

        async Task BuyAsync()
        {
            List<Task> orders = [];
            while (!enough.IsCancellationRequested)
            {
                orders.Add(customers.PlaceAsync(Order, Ct));
                await Task.Delay(300, Ct);
            }

            await Task.WhenAll(orders);
        }
    }

    private static async Task AllCompleteAsync(Place place, string when)
    {
        var patience = Stopwatch.StartNew();
        while (await place.ScalarAsync<long>("SELECT count(*) FROM checkout.order_state WHERE status = 'Processing'") is > 0 and var open)
        {
            Assert.True(patience.Elapsed < Rest, $"{when}: {open} orders stand still.");
            await Task.Delay(100, Ct);
        }

        Assert.Empty(await place.RowsAsync("SELECT order_id, current_state, reason FROM checkout.order_state WHERE current_state <> 'Complete'", r => $"{when}: {r.GetGuid(0)} {r.GetString(1)} {r.GetValue(2)}"));
        var (events, conflicts) = (await place.ScalarAsync<long>("SELECT count(*) FROM checkout.saga_log"), await place.ScalarAsync<long>("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"));
        Tell(string.Create(CultureInfo.InvariantCulture, $"{when}: all at rest {patience.Elapsed.TotalSeconds:0.0} s after the last order; {conflicts} transactions rolled back at {events} saga events so far ({100.0 * conflicts / events:0.0} %)"));
    }

    private static void Tell(string what) => TestContext.Current.TestOutputHelper?.WriteLine(what);
}
