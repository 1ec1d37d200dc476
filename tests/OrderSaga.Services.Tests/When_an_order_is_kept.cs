using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_an_order_is_kept(Shop shop) : IClassFixture<Shop>
{
    private readonly Guid orderId = Guid.NewGuid();

    [Fact]
    public async Task Should_keep_it_readable_after_it_was_cancelled()
    {
        await shop.AskAsync(new CreateOrder(orderId, new("c-7", "a@example.org"), "EUR", [new("sku-apple", 1)]));
        await shop.AskAsync(new CancelOrder(orderId));

        Assert.Equal("CANCELLED c-7 EUR", await shop.ReadAsync("SELECT status, customer_id, currency FROM orders.orders WHERE order_id = @id", orderId));
    }

    [Theory]
    [InlineData("", "EUR", 1)]
    [InlineData("c-1", "EURO", 1)]
    [InlineData("c-1", "", 1)]
    [InlineData("c-1", "EUR", 0)]
    [InlineData("c-1", "EUR", -1)]
    public async Task Should_refuse_what_is_not_an_order(string customer, string currency, int quantity)
    {
        var answer = await shop.AskAsync(new CreateOrder(orderId, new(customer, "a@example.org"), currency, [new("sku-apple", quantity)]));

        Assert.Equal("INVALID_ORDER", Assert.IsType<OrderRefused>(answer.Message).Reason);
        Assert.Equal("", await shop.ReadAsync("SELECT status FROM orders.orders WHERE order_id = @id", orderId));
    }

    [Fact]
    public async Task Should_refuse_a_customer_whose_id_does_not_fit()
    {
        var answer = await shop.AskAsync(new CreateOrder(orderId, new(new string('c', 201), "a@example.org"), "EUR", [new("sku-apple", 1)]));

        Assert.Equal("INVALID_ORDER", Assert.IsType<OrderRefused>(answer.Message).Reason);
    }
}
