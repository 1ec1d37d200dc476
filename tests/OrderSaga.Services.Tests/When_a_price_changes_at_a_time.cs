using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_a_price_changes_at_a_time : IAsyncLifetime
{
    private readonly ManualTime time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly string product = $"sku-{Guid.NewGuid():N}";
    private Shop shop = null!;

    public async ValueTask InitializeAsync() => shop = await Shop.OpenAsync(new() { Time = time });

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    [Fact]
    public async Task Should_cost_the_new_price_from_that_moment_on()
    {
        await PriceAsync("2026-01-01Z", null, 5);
        await PriceAsync("2026-03-01 09:00Z", null, 6);

        Assert.Equal(5, await TotalAsync());
        time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(5, await TotalAsync());
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(6, await TotalAsync());
        Assert.Equal("PRICE_CHANGED", (await RefusedAsync(5)).Reason);
    }

    [Fact]
    public async Task Should_cost_less_for_a_while()
    {
        await PriceAsync("2026-01-01Z", null, 5);
        await PriceAsync("2026-03-01 09:00Z", "2026-03-01 10:00Z", 4);

        Assert.Equal(5, await TotalAsync());
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(4, await TotalAsync());
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(5, await TotalAsync());
    }

    [Fact]
    public async Task Should_have_no_price_before_and_after()
    {
        await PriceAsync("2026-03-01 09:00Z", "2026-03-01 10:00Z", 4);

        Assert.Equal("UNKNOWN_PRICE", (await RefusedAsync(4)).Reason);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(4, await TotalAsync());
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal("UNKNOWN_PRICE", (await RefusedAsync(4)).Reason);
    }

    [Fact]
    public async Task Should_charge_what_was_frozen_before()
    {
        await PriceAsync("2026-01-01Z", null, 5);
        await PriceAsync("2026-03-01 09:00Z", null, 6);
        var order = Guid.NewGuid();
        Assert.Equal(5, await TotalAsync(order, quote: 5));
        time.Advance(TimeSpan.FromHours(2));

        Assert.Equal(5, await TotalAsync(order, quote: 5));
        Assert.Equal("5.00 EUR FROZEN", await shop.ReadAsync("SELECT total, currency, status FROM pricing.frozen_prices WHERE order_id = @id", order));
    }

    private Task PriceAsync(string from, string? until, decimal price) => shop.WriteAsync(
        $"INSERT INTO pricing.prices (product_id, currency, valid_from, valid_until, unit_price) VALUES ('{product}', 'EUR', '{from}', {(until is null ? "NULL" : $"'{until}'")}, {price})");

    private async Task<decimal> TotalAsync(Guid? order = null, decimal? quote = null) =>
        Assert.IsType<PriceFrozen>((await shop.AskAsync(new FreezePrice(order ?? Guid.NewGuid(), "EUR", [new(product, 1, quote)]))).Message).Total;

    private async Task<PriceRefused> RefusedAsync(decimal quote) =>
        Assert.IsType<PriceRefused>((await shop.AskAsync(new FreezePrice(Guid.NewGuid(), "EUR", [new(product, 1, quote)]))).Message);
}
