using System.Globalization;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_many_orders_come_at_once : IAsyncLifetime
{
    private const int Orders = 60;
    private Shop shop = null!;

    public async ValueTask InitializeAsync() => shop = await Shop.OpenAsync(new());

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    [Fact]
    public async Task Should_take_their_stock_together_though_they_have_several_products()
    {
        var (a, b) = (await shop.StockAsync(1000), await shop.StockAsync(1000));
        await CountedAsync("inventory.stock", id => new ReserveInventory(id, [new(b, 2), new(a, 1), new(b, 1)]), answer => Assert.IsType<InventoryReserved>(answer));
        Assert.Equal($"1000 {Orders}\n1000 {3 * Orders}", await shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id IN ('{a}', '{b}') ORDER BY reserved"));
        Assert.Equal($"{Orders}", await shop.ReadAsync($"SELECT count(*) FROM inventory.reservations WHERE product_id = '{b}' AND quantity = 3 AND status = 'PENDING'"));
    }

    [Fact]
    public async Task Should_take_their_days_of_delivery_together()
    {
        await CountedAsync("shipping.delivery_slots", id => new CreateShipment(id, new("A", "B 1", "C", "12345", "DE"), [new("sku-apple", 1)]), answer => Assert.IsType<ShipmentCreated>(answer));
        Assert.Equal($"{Orders}", await shop.ReadAsync("SELECT taken FROM shipping.delivery_slots"));
    }

    [Fact]
    public async Task Should_read_their_prices_together()
    {
        var apples = 0;
        await CountedAsync("pricing.prices", id => new FreezePrice(id, "EUR", [new(Interlocked.Increment(ref apples) % 2 == 0 ? "sku-apple" : "sku-pear", 2)]),
            answer => Assert.IsType<PriceFrozen>(answer));
        Assert.Equal("4.98 30\n7.98 30", await shop.ReadAsync("SELECT total, count(*) FROM pricing.frozen_prices GROUP BY 1 ORDER BY 1"));
    }

    [Fact]
    public async Task Should_check_their_customers_together()
    {
        var orders = 0;
        await CountedAsync("payment.fraud_checks", id => Check(id, $"c-{Interlocked.Increment(ref orders) % 20}"), answer => Assert.IsType<FraudChecked>(answer));
        Assert.Equal("20 1 3 60000.00", await shop.ReadAsync("SELECT count(DISTINCT customer_id), min(number), max(number), sum(amount) FROM payment.fraud_checks WHERE status = 'CLEARED'"));
    }

    [Fact]
    public async Task Should_hold_the_limit_of_each_customer_in_two_processes()
    {
        await using var other = await shop.AnotherAsync();
        using var deadlocks = new Deadlocks("fraud_checks");
        string[] customers = ["c-1", "c-2", "ann", "Ann"];
        foreach (var customer in customers)
            await shop.AskAsync(Check(Guid.NewGuid(), customer));
        var answers = await Task.WhenAll(Enumerable.Range(0, 3 * Orders).Select(i => (i % 2 == 0 ? shop : other).AskAsync(Check(Guid.NewGuid(), customers[i / 2 % 4]))));
        Assert.Equal((customers.Length * 10) - customers.Length, answers.Count(a => a.Message is FraudChecked));
        Assert.Equal("10000.00\n10000.00\n10000.00\n10000.00", await shop.ReadAsync("SELECT sum(amount) FROM payment.fraud_checks GROUP BY customer_id"));
        Assert.Equal(0, deadlocks.Found);
    }

    [Fact]
    public async Task Should_refuse_together_those_for_whom_nothing_is_left()
    {
        var (none, some) = (await shop.StockAsync(0), await shop.StockAsync(1000));
        await CountedAsync("inventory.stock", id => new ReserveInventory(id, [new(some, 1), new(none, 1)]),
            answer => Assert.Equal(("OUT_OF_STOCK", none), Assert.IsType<InventoryRefused>(answer) is var refused ? (refused.Reason, Assert.Single(refused.Products!)) : default));
        Assert.Equal("0", await shop.ReadAsync("SELECT sum(reserved) FROM inventory.stock"));
        Assert.Equal("0", await shop.ReadAsync("SELECT count(*) FROM inventory.reservations"));
    }

    [Fact]
    public async Task Should_not_let_those_who_are_refused_hold_up_the_others()
    {
        var (none, some, orders) = (await shop.StockAsync(0), await shop.StockAsync(1000), 0);
        await CountedAsync("inventory.stock", id => new ReserveInventory(id, [new(Interlocked.Increment(ref orders) % 2 == 0 ? none : some, 1)]), _ => { });
        Assert.Equal($"{Orders / 2}", await shop.ReadAsync("SELECT sum(reserved) FROM inventory.stock"));
        Assert.Equal($"refused {Orders / 2}", await shop.ReadAsync("SELECT status, count(*) FROM inventory.step_log WHERE status = 'refused' GROUP BY 1"));
    }

    [Fact]
    public async Task Should_refuse_bad_addresses_and_unknown_prices_together()
    {
        await CountedAsync("shipping.step_log", id => new CreateShipment(id, new("A", "", "C", "12345", "DE"), [new("sku-apple", 1)]),
            answer => Assert.Equal("BAD_ADDRESS", Assert.IsType<ShipmentRefused>(answer).Reason));
        await CountedAsync("pricing.step_log", id => new FreezePrice(id, "EUR", [new("sku-unheard-of", 2)]), answer => Assert.Equal("UNKNOWN_PRICE", Assert.IsType<PriceRefused>(answer).Reason));
    }

    /// Who is refused could not have had it: stock only becomes less here.
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3)]
    public async Task Should_give_each_all_or_nothing_in_two_processes_while_stock_runs_out(int seed)
    {
        await using var other = await shop.AnotherAsync();
        using var deadlocks = new Deadlocks("stock", "reservations");
        var random = new Random(seed);
        var products = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => shop.StockAsync(20 + (40 * i))));
        var wanted = Enumerable.Range(0, 3 * Orders).ToDictionary(_ => Guid.NewGuid(),
            _ => products.OrderBy(_ => random.Next()).Take(random.Next(1, 4)).Select(p => new StockLine(p, random.Next(1, 4))).ToList());

        var answers = await Task.WhenAll(wanted.Select((w, i) => (i % 2 == 0 ? shop : other).AskAsync(new ReserveInventory(w.Key, w.Value))));

        var reserved = answers.Select(a => a.Message).OfType<InventoryReserved>().Select(r => r.OrderId).ToList();
        var left = new Dictionary<string, int>();
        foreach (var product in products)
        {
            left[product] = int.Parse(await shop.ReadAsync($"SELECT on_hand - reserved FROM inventory.stock WHERE product_id = '{product}'"), CultureInfo.InvariantCulture);
            var held = reserved.Where(id => wanted[id].Any(l => l.ProductId == product)).Select(id => $"{id} {wanted[id].Single(l => l.ProductId == product).Quantity}");
            Assert.Equal(held.Order(), (await shop.ReadAsync($"SELECT order_id, quantity FROM inventory.reservations WHERE product_id = '{product}' AND status = 'PENDING'")).Split('\n').Order());
            Assert.Equal("True", await shop.ReadAsync($"SELECT reserved = (SELECT sum(quantity) FROM inventory.reservations r WHERE r.product_id = s.product_id) FROM inventory.stock s WHERE product_id = '{product}'"));
        }

        var refused = answers.Select(a => a.Message).OfType<InventoryRefused>().ToList();
        Assert.Equal(wanted.Count, reserved.Count + refused.Count);
        Assert.NotEmpty(refused);
        Assert.All(refused, r => Assert.Contains(wanted[r.OrderId], l => l.Quantity > left[l.ProductId]));
        Assert.Equal(0, deadlocks.Found);
    }

    private static CheckFraud Check(Guid orderId, string customer) => new(orderId, new(customer, "a@example.org"), new("A", "B 1", "C", "1", "DE"), 1000, "EUR", "tok_visa");

    // What shares a commit shares its statements: one each would be as many as there are orders, and more.
    private async Task CountedAsync<T>(string table, Func<Guid, T> command, Action<object> check)
        where T : class
    {
        await shop.WriteAsync("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
        check((await shop.AskAsync(command(Guid.NewGuid()))).Message);
        var before = await CallsAsync(table);
        Assert.All(await Task.WhenAll(Enumerable.Range(1, Orders - 1).Select(_ => shop.AskAsync(command(Guid.NewGuid())))), answer => check(answer.Message));
        Assert.InRange(await CallsAsync(table) - before, 1, Orders / 2);
    }

    private async Task<int> CallsAsync(string table) => int.Parse(await shop.ReadAsync(
        $"SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() AND (query LIKE 'SELECT%FROM {table} AS%' OR query LIKE 'UPDATE {table} AS%')"), CultureInfo.InvariantCulture);
}
