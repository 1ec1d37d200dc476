using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_a_price_is_frozen(Shop shop) : IClassFixture<Shop>
{
    private readonly Guid orderId = Guid.NewGuid();

    [Fact]
    public async Task Should_add_up_the_lines()
    {
        var frozen = Assert.IsType<PriceFrozen>(await FreezeAsync("EUR", new("sku-apple", 2, 3.99m), new("sku-pear", 1), new("sku-apple", 1)));

        Assert.Equal((14.46m, "EUR"), (frozen.Total, frozen.Currency));
        Assert.Equal("14.46 EUR FROZEN", await FrozenAsync());
    }

    [Fact]
    public async Task Should_round_each_line_to_the_even_cent()
    {
        await shop.WriteAsync("INSERT INTO pricing.prices (product_id, currency, valid_from, unit_price) VALUES ('sku-screw', 'EUR', '2020-01-01Z', 0.005), ('sku-nail', 'EUR', '2020-01-01Z', 0.015)");

        // 0.005 -> 0.00, 0.015 -> 0.02, 3 * 0.015 = 0.045 -> 0.04; rounded in sum it would be 0.06 or 0.07.
        var frozen = Assert.IsType<PriceFrozen>(await FreezeAsync("EUR", new("sku-screw", 1), new("sku-nail", 1), new("sku-nail", 3), new("sku-screw", 1)));

        Assert.Equal(0.06m, frozen.Total);
    }

    [Fact]
    public async Task Should_keep_what_was_frozen_when_the_price_changes()
    {
        await shop.WriteAsync("INSERT INTO pricing.prices (product_id, currency, valid_from, unit_price) VALUES ('sku-fish', 'EUR', '2020-01-01Z', 5)");
        await FreezeAsync("EUR", new OrderLine("sku-fish", 2));
        await shop.WriteAsync("UPDATE pricing.prices SET unit_price = 9 WHERE product_id = 'sku-fish'");

        Assert.Equal(10m, Assert.IsType<PriceFrozen>(await FreezeAsync("EUR", new OrderLine("sku-fish", 2))).Total);
        Assert.Equal("10.00 EUR FROZEN", await FrozenAsync());
    }

    [Fact]
    public async Task Should_mark_it_released_when_it_is_let_go()
    {
        await FreezeAsync("EUR", new OrderLine("sku-apple", 1));
        await shop.AskAsync(new ReleasePrice(orderId));

        Assert.Equal("3.99 EUR RELEASED", await FrozenAsync());
    }

    [Fact]
    public async Task Should_refuse_when_the_customer_saw_another_price()
    {
        var refused = Assert.IsType<PriceRefused>(await FreezeAsync("EUR", new("sku-apple", 1, 3.49m), new("sku-pear", 1, 2.49m), new("sku-plum", 1, 1m)));

        Assert.Equal("PRICE_CHANGED", refused.Reason);
        Assert.Equal("sku-apple was quoted at 3.49 and costs 3.99 EUR; sku-plum was quoted at 1.00 and costs 0.99 EUR.", refused.Detail);
        Assert.Equal("", await FrozenAsync());
    }

    [Theory]
    [InlineData("EUR", "sku-unheard-of")]
    [InlineData("USD", "sku-apple")]
    public async Task Should_refuse_what_has_no_price(string currency, string product)
    {
        var refused = Assert.IsType<PriceRefused>(await FreezeAsync(currency, new OrderLine(product, 1, 3.99m)));

        Assert.Equal("UNKNOWN_PRICE", refused.Reason);
        Assert.Contains(product, refused.Detail);
        Assert.Contains(currency, refused.Detail);
    }

    private async Task<object> FreezeAsync(string currency, params OrderLine[] lines) =>
        (await shop.AskAsync(new FreezePrice(orderId, currency, lines))).Message;

    private Task<string> FrozenAsync() => shop.ReadAsync("SELECT total, currency, status FROM pricing.frozen_prices WHERE order_id = @id", orderId);
}
