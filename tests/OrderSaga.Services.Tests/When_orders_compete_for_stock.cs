using Npgsql;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_orders_compete_for_stock(Shop shop) : IClassFixture<Shop>
{
    private static readonly int Rounds = Environment.GetEnvironmentVariable("ORDERSAGA_TEST_LONG") == "1" ? 1000 : 50;

    [Theory]
    [InlineData(2), InlineData(50)]
    public async Task Should_give_the_last_unit_to_exactly_one_of_many_orders(int orders)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var product = await shop.StockAsync(1);
            var ids = Enumerable.Range(0, orders).Select(_ => Guid.NewGuid()).ToList();
            var answers = await Task.WhenAll(ids.Select(id => shop.AskAsync(new ReserveInventory(id, [new(product, 1)]))));

            Assert.Equal("1 1", await StockOfAsync(product));
            var winner = ids.Zip(answers).Single(a => a.Second.Message is InventoryReserved).First;
            foreach (var refused in answers.Select(a => a.Message).OfType<InventoryRefused>())
            {
                Assert.Equal("OUT_OF_STOCK", refused.Reason);
                Assert.Equal([product], refused.Products!);
            }

            Assert.Equal(orders - 1, answers.Count(a => a.Message is InventoryRefused));
            await shop.CompleteAsync(winner);
            Assert.Equal("0 0", await StockOfAsync(product));
            Assert.Equal($"{winner} COMMITTED", await shop.ReadAsync($"SELECT order_id, status FROM inventory.reservations WHERE product_id = '{product}'"));
        }
    }

    [Fact]
    public async Task Should_say_whose_stock_is_held_and_let_the_database_keep_it_to_one_mark()
    {
        var product = await shop.StockAsync(5);
        var owner = Guid.NewGuid();
        await shop.AskAsync(new ReserveInventory(owner, [new(product, 2), new(product, 1)]));

        Assert.Equal($"{owner} 3 PENDING", await shop.ReadAsync($"SELECT order_id, quantity, status FROM inventory.reservations WHERE product_id = '{product}'"));
        var twice = await Assert.ThrowsAsync<PostgresException>(() =>
            shop.WriteAsync($"INSERT INTO inventory.reservations (order_id, product_id, quantity, status) VALUES ('{owner}', '{product}', 1, 'PENDING')"));
        Assert.Equal(PostgresErrorCodes.UniqueViolation, twice.SqlState);
    }

    [Fact]
    public async Task Should_hold_nothing_when_only_part_of_an_order_is_there()
    {
        var (plenty, little, none) = (await shop.StockAsync(10), await shop.StockAsync(2), await shop.StockAsync(0));
        var unknown = $"sku-{new string('x', 500)}";
        var orderId = Guid.NewGuid();

        var answer = await shop.AskAsync(new ReserveInventory(orderId, [new(plenty, 1), new(little, 3), new(none, 1), new(unknown, 1)]));

        var refused = Assert.IsType<InventoryRefused>(answer.Message);
        Assert.Equal("OUT_OF_STOCK", refused.Reason);
        Assert.Equal([.. new[] { little, none, unknown }.Order(StringComparer.Ordinal)], refused.Products!);
        Assert.Equal(["10 0", "2 0", "0 0"], [await StockOfAsync(plenty), await StockOfAsync(little), await StockOfAsync(none)]);
        Assert.Empty(await ReservationsOfAsync(orderId));
    }

    [Fact]
    public async Task Should_add_up_the_lines_of_a_product()
    {
        var product = await shop.StockAsync(5);

        Assert.IsType<InventoryRefused>(await ReserveAsync((product, 3), (product, 3)));
        Assert.IsType<InventoryReserved>(await ReserveAsync((product, 3), (product, 2)));
        Assert.Equal("5 5", await StockOfAsync(product));
    }

    [Fact]
    public async Task Should_refuse_to_be_asked_for_more_than_numbers_hold()
    {
        var product = await shop.StockAsync(int.MaxValue);

        Assert.IsType<InventoryRefused>(await ReserveAsync((product, int.MaxValue), (product, int.MaxValue)));
        Assert.Equal($"{int.MaxValue} 0", await StockOfAsync(product));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public async Task Should_refuse_a_quantity_below_one(int quantity)
    {
        var product = await shop.StockAsync(5);

        Assert.Equal("INVALID_QUANTITY", Assert.IsType<InventoryRefused>(await ReserveAsync((product, quantity))).Reason);
        Assert.Equal("5 0", await StockOfAsync(product));
    }

    [Fact]
    public async Task Should_serve_orders_that_name_the_same_products_in_opposite_order()
    {
        var (a, b) = (await shop.StockAsync(30), await shop.StockAsync(30));

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? ReserveAsync((a, 1), (b, 1)) : ReserveAsync((b, 1), (a, 1))));

        Assert.Equal(30, answers.Count(x => x is InventoryReserved));
        Assert.Equal(["30 30", "30 30"], [await StockOfAsync(a), await StockOfAsync(b)]);
    }

    [Fact]
    public async Task Should_never_lock_each_other_out()
    {
        using var deadlocks = new Deadlocks("stock", "reservations");
        var products = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => shop.StockAsync(100)));
        var random = new Random(7);
        await Task.WhenAll(Enumerable.Range(0, 150).Select(async i =>
        {
            var (id, lines) = (Guid.NewGuid(), products.OrderBy(_ => random.Next()).Select(p => new StockLine(p, 1)).ToList());
            await shop.AskAsync(new ReserveInventory(id, lines));
            await Task.WhenAll(i % 3 == 0 ? shop.CompleteAsync(id) : shop.AskAsync(new ReleaseInventory(id)), shop.AskAsync(new ReserveInventory(id, lines)), shop.AskAsync(new ReleaseInventory(id)));
        }));

        Assert.Equal(0, deadlocks.Found);
        foreach (var product in products)
            Assert.EndsWith(" 0", await StockOfAsync(product), StringComparison.Ordinal);
    }

    private async Task<object> ReserveAsync(params (string Product, int Quantity)[] lines) =>
        (await shop.AskAsync(new ReserveInventory(Guid.NewGuid(), [.. lines.Select(l => new StockLine(l.Product, l.Quantity))]))).Message;

    private Task<string> StockOfAsync(string product) => shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'");

    private Task<string> ReservationsOfAsync(Guid orderId) => shop.ReadAsync("SELECT product_id FROM inventory.reservations WHERE order_id = @id", orderId);
}
