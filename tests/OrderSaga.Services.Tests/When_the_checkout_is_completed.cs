using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_the_checkout_is_completed(Shop shop) : IClassFixture<Shop>
{
    private readonly Guid orderId = Guid.NewGuid();

    [Fact]
    public async Task Should_take_what_was_reserved_out_of_stock_once()
    {
        var product = await shop.StockAsync(10);
        await shop.AskAsync(new ReserveInventory(orderId, [new(product, 3)]));

        await shop.CompleteAsync(orderId);
        await shop.CompleteAsync(orderId);

        Assert.Equal("7 0", await shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'"));
        Assert.Equal("3 COMMITTED", await shop.ReadAsync("SELECT quantity, status FROM inventory.reservations WHERE order_id = @id", orderId));
    }

    /// <summary>Another order holds some too: taking it twice would take from that one, which no constraint can notice.</summary>
    [Fact]
    public async Task Should_take_it_once_when_the_ending_comes_many_times_at_once()
    {
        for (var round = 0; round < 10; round++)
        {
            var (product, id) = (await shop.StockAsync(100), Guid.NewGuid());
            await shop.AskAsync(new ReserveInventory(Guid.NewGuid(), [new(product, 50)]));
            await shop.AskAsync(new ReserveInventory(id, [new(product, 3)]));

            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => shop.CompleteAsync(id)));

            Assert.Equal("97 50", await shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'"));
        }
    }

    [Fact]
    public async Task Should_either_take_or_free_it_when_the_release_comes_at_the_same_time()
    {
        for (var round = 0; round < 10; round++)
        {
            var (product, id) = (await shop.StockAsync(100), Guid.NewGuid());
            await shop.AskAsync(new ReserveInventory(Guid.NewGuid(), [new(product, 50)]));
            await shop.AskAsync(new ReserveInventory(id, [new(product, 3)]));

            await Task.WhenAll(shop.CompleteAsync(id), shop.AskAsync(new ReleaseInventory(id)), shop.CompleteAsync(id));

            var status = await shop.ReadAsync("SELECT status FROM inventory.reservations WHERE order_id = @id", id);
            var stock = await shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'");
            Assert.Equal(status == "COMMITTED" ? "97 50" : "100 50", stock);
        }
    }

    [Fact]
    public async Task Should_take_out_what_many_orders_held_when_they_end_at_once()
    {
        var (one, two) = (await shop.StockAsync(100), await shop.StockAsync(100));
        var orders = Enumerable.Range(0, 30).Select(_ => Guid.NewGuid()).ToList();
        await Task.WhenAll(orders.Select(id => shop.AskAsync(new ReserveInventory(id, [new(one, 2), new(two, 1)]))));
        // Some of them are given free at the same moment, and all are told twice.
        var released = orders.Take(5).Select(id => shop.AskAsync(new ReleaseInventory(id)));
        await Task.WhenAll(orders.Concat(orders).Select(shop.CompleteAsync).Concat(released));

        var freed = int.Parse(await shop.ReadAsync($"SELECT count(*) FROM inventory.reservations WHERE product_id = '{one}' AND status = 'RELEASED'"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal($"{30 - freed} 0", await shop.ReadAsync($"SELECT count(*) FILTER (WHERE status = 'COMMITTED'), count(*) FILTER (WHERE status = 'PENDING') FROM inventory.reservations WHERE product_id = '{one}'"));
        Assert.Equal($"{100 - 2 * (30 - freed)} 0", await shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{one}'"));
        Assert.Equal($"{100 - (30 - freed)} 0", await shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{two}'"));
    }

    [Fact]
    public async Task Should_leave_alone_what_was_released()
    {
        var product = await shop.StockAsync(10);
        await shop.AskAsync(new ReserveInventory(orderId, [new(product, 3)]));
        await shop.AskAsync(new ReleaseInventory(orderId));

        await shop.CompleteAsync(orderId);

        Assert.Equal("10 0", await shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'"));
        Assert.Equal("3 RELEASED", await shop.ReadAsync("SELECT quantity, status FROM inventory.reservations WHERE order_id = @id", orderId));
    }

    [Fact]
    public async Task Should_confirm_the_order_once()
    {
        await shop.AskAsync(new CreateOrder(orderId, new("c-1", "a@example.org"), "EUR", [new("sku-apple", 1)]));
        Assert.Equal("PENDING c-1 EUR", await OrderAsync());

        await shop.CompleteAsync(orderId);
        Assert.Equal("CONFIRMED c-1 EUR", await OrderAsync());
        var confirmed = await shop.ReadAsync("SELECT at::text FROM orders.orders WHERE order_id = @id", orderId);

        await shop.CompleteAsync(orderId);
        Assert.Equal(confirmed, await shop.ReadAsync("SELECT at::text FROM orders.orders WHERE order_id = @id", orderId));
    }

    [Fact]
    public async Task Should_not_revive_a_cancelled_order()
    {
        await shop.AskAsync(new CreateOrder(orderId, new("c-1", "a@example.org"), "EUR", [new("sku-apple", 1)]));
        await shop.AskAsync(new CancelOrder(orderId));

        await shop.CompleteAsync(orderId);

        Assert.Equal("CANCELLED c-1 EUR", await OrderAsync());
    }

    [Fact]
    public async Task Should_not_mind_an_order_it_does_not_know()
    {
        await shop.CompleteAsync(orderId);

        Assert.Equal("", await OrderAsync());
    }

    private Task<string> OrderAsync() => shop.ReadAsync("SELECT status, customer_id, currency FROM orders.orders WHERE order_id = @id", orderId);
}
