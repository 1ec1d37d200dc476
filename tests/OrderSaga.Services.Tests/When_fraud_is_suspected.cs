using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_fraud_is_suspected(Shop shop) : IClassFixture<Shop>
{
    private readonly string customer = $"c-{Guid.NewGuid()}";

    [Fact]
    public async Task Should_clear_up_to_the_limit_and_not_a_cent_more()
    {
        Assert.True(await IsClearedAsync(6_000));
        Assert.True(await IsClearedAsync(4_000));
        Assert.False(await IsClearedAsync(0.01m));
    }

    [Fact]
    public async Task Should_say_that_it_is_the_limit()
    {
        var answer = await CheckAsync(10_000.01m, "EUR", customer);

        Assert.Equal("SPENDING_LIMIT", Assert.IsType<FraudSuspected>(answer.Message).Reason);
    }

    [Fact]
    public async Task Should_not_count_what_was_withdrawn()
    {
        var orderId = Guid.NewGuid();
        await CheckAsync(9_000, "EUR", customer, orderId);
        await shop.AskAsync(new WithdrawFraudCheck(orderId));

        Assert.True(await IsClearedAsync(10_000));
        Assert.Equal("WITHDRAWN 9000.00", await shop.ReadAsync("SELECT status, amount FROM payment.fraud_checks WHERE order_id = @id", orderId));
    }

    [Fact]
    public async Task Should_not_count_what_was_refused()
    {
        Assert.False(await IsClearedAsync(10_001));
        Assert.True(await IsClearedAsync(10_000));
    }

    [Theory]
    [InlineData("23 hours 59 minutes", false)]
    [InlineData("24 hours 1 second", true)]
    public async Task Should_forget_after_a_day(string ago, bool forgotten)
    {
        Assert.True(await IsClearedAsync(10_000));
        await shop.WriteAsync($"UPDATE payment.fraud_checks SET at = at - interval '{ago}' WHERE customer_id = '{customer}'");

        Assert.Equal(forgotten, await IsClearedAsync(1));
    }

    [Fact]
    public async Task Should_count_each_customer_and_each_currency_apart()
    {
        Assert.True(await IsClearedAsync(10_000));

        Assert.True(await IsClearedAsync(10_000, currency: "USD"));
        Assert.True(await IsClearedAsync(10_000, of: $"c-{Guid.NewGuid()}"));
        Assert.False(await IsClearedAsync(10_000));
    }

    [Fact]
    public async Task Should_hold_the_limit_against_orders_that_come_at_once()
    {
        var cleared = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => IsClearedAsync(1_000)));

        Assert.Equal(10, cleared.Count(c => c));
    }

    private async Task<bool> IsClearedAsync(decimal amount, string currency = "EUR", string? of = null) =>
        (await CheckAsync(amount, currency, of ?? customer)).Message is FraudChecked;

    private Task<Answer> CheckAsync(decimal amount, string currency, string of, Guid? orderId = null) => shop.AskAsync(
        new CheckFraud(orderId ?? Guid.NewGuid(), new(of, "a@example.org"), new("A", "B 1", "C", "1", "DE"), amount, currency, "tok_visa"));
}
