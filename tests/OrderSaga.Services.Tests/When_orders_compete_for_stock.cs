using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_orders_compete_for_stock(Shop shop) : IClassFixture<Shop>
{
    [Fact]
    public async Task Should_give_the_last_unit_to_exactly_one_of_two_orders()
    {
        for (var round = 0; round < 50; round++)
        {
            var product = await shop.StockAsync(1);
            var answers = await Task.WhenAll(ReserveAsync((product, 1)), ReserveAsync((product, 1)));

            Assert.Single(answers, a => a is InventoryReserved);
            var refused = Assert.IsType<InventoryRefused>(Assert.Single(answers, a => a is not InventoryReserved));
            Assert.Equal("OUT_OF_STOCK", refused.Reason);
            Assert.Equal([product], refused.Products!);
            Assert.Equal("1 1", await StockOfAsync(product));
        }
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

    private async Task<object> ReserveAsync(params (string Product, int Quantity)[] lines) =>
        (await shop.AskAsync(new ReserveInventory(Guid.NewGuid(), [.. lines.Select(l => new StockLine(l.Product, l.Quantity))]))).Message;

    private Task<string> StockOfAsync(string product) => shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'");

    private Task<string> ReservationsOfAsync(Guid orderId) => shop.ReadAsync("SELECT product_id FROM inventory.reservations WHERE order_id = @id", orderId);
}
