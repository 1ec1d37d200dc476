using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_money_is_charged(Shop shop) : IClassFixture<Shop>
{
    private readonly Guid orderId = Guid.NewGuid();

    [Fact]
    public async Task Should_know_the_charge_by_the_name_that_the_gateway_gave_it()
    {
        var charged = Assert.IsType<PaymentCharged>(await ChargeAsync(7.98m, "tok_visa"));

        Assert.Equal(new PaymentCharged(orderId, charged.ChargeId, 7.98m, "EUR"), charged);
        Assert.Equal($"7.98 EUR CHARGED {charged.ChargeId}", await ChargesAsync());
        Assert.Equal($"7.98 EUR charged {charged.ChargeId} saga:{orderId}:ChargePayment", await shop.ReadAsync("SELECT amount, currency, status, id, key FROM gateway.charges WHERE order_id = @id", orderId));
    }

    [Fact]
    public async Task Should_give_back_exactly_that_charge()
    {
        var charged = (PaymentCharged)await ChargeAsync(7.98m, "tok_visa");
        var other = Guid.NewGuid();
        await shop.AskAsync(new ChargePayment(other, 7.98m, "EUR", "tok_visa"));

        var refunded = await shop.AskAsync(new RefundPayment(orderId));

        Assert.Equal(new PaymentRefunded(orderId, ChargeId: charged.ChargeId), refunded.Message);
        Assert.Equal($"7.98 EUR REFUNDED {charged.ChargeId}", await ChargesAsync());
        Assert.Equal("7.98", await shop.ReadAsync("SELECT refunded FROM gateway.charges WHERE order_id = @id", orderId));
        Assert.Equal("CHARGED", await shop.ReadAsync("SELECT status FROM payment.charges WHERE order_id = @id", other));
    }

    [Fact]
    public async Task Should_name_no_charge_when_there_was_none()
    {
        await ChargeAsync(7.98m, "tok_declined");

        Assert.Equal(new PaymentRefunded(orderId, NothingToUndo: true), (await shop.AskAsync(new RefundPayment(orderId))).Message);
    }

    [Theory]
    [InlineData("7.98", "tok_declined", "CARD_DECLINED")]
    [InlineData("7.98", "tok_mastercard", "UNKNOWN_TOKEN")]
    [InlineData("7.98", "", "UNKNOWN_TOKEN")]
    [InlineData("-0.01", "tok_visa", "INVALID_AMOUNT")]
    [InlineData("7.985", "tok_visa", "INVALID_AMOUNT")]
    [InlineData("10000000000000000", "tok_visa", "INVALID_AMOUNT")]
    public async Task Should_refuse_without_taking_money(string amount, string token, string reason)
    {
        Assert.Equal(reason, Assert.IsType<PaymentRefused>(await ChargeAsync(decimal.Parse(amount), token)).Reason);
        Assert.Equal("", await ChargesAsync());
    }

    [Fact]
    public async Task Should_keep_the_token_nowhere()
    {
        await ChargeAsync(7.98m, "tok_visa");

        var kept = await shop.ReadAsync(
            "SELECT c::text, l::text, i::text FROM payment.charges c JOIN payment.step_log l USING (order_id) JOIN payment.intents i USING (order_id) WHERE order_id = @id", orderId);
        Assert.Contains("CHARGED", kept);
        Assert.DoesNotContain("tok_", kept);
    }

    private async Task<object> ChargeAsync(decimal amount, string token) => (await shop.AskAsync(new ChargePayment(orderId, amount, "EUR", token))).Message;

    private Task<string> ChargesAsync() => shop.ReadAsync("SELECT amount, currency, status, charge_id FROM payment.charges WHERE order_id = @id", orderId);
}
