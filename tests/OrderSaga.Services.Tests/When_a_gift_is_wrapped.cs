using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_a_gift_is_wrapped(Shop shop) : IClassFixture<Shop>
{
    private readonly Guid orderId = Guid.NewGuid();

    [Fact]
    public async Task Should_unwrap_it_when_the_order_is_undone()
    {
        await shop.AskAsync(new WrapGift(orderId, [new("sku-apple", 1)]));
        Assert.Equal("WRAPPED", await WrapAsync());

        await shop.AskAsync(new UnwrapGift(orderId));
        Assert.Equal("UNWRAPPED", await WrapAsync());
    }

    [Fact]
    public async Task Should_not_wrap_an_empty_parcel()
    {
        var answer = await shop.AskAsync(new WrapGift(orderId, []));

        Assert.Equal("NOTHING_TO_WRAP", Assert.IsType<GiftWrapRefused>(answer.Message).Reason);
        Assert.Equal("", await WrapAsync());
    }

    private Task<string> WrapAsync() => shop.ReadAsync("SELECT status FROM shipping.gift_wraps WHERE order_id = @id", orderId);
}
