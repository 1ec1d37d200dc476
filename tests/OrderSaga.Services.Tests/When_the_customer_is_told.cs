using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_the_customer_is_told(Shop shop) : IClassFixture<Shop>
{
    private static readonly Customer Ann = new("c-1", "ann@example.org");
    private readonly Guid orderId = Guid.NewGuid();

    [Fact]
    public async Task Should_say_what_was_charged()
    {
        await shop.AskAsync(new SendConfirmation(orderId, Ann, 1234.5m, "EUR"));

        Assert.Equal("confirmation accepted ann@example.org", await NoticesAsync("kind, status, recipient"));
        Assert.Contains("1234.50 EUR", await NoticesAsync("text"));
    }

    [Fact]
    public async Task Should_say_why_an_order_was_cancelled()
    {
        await shop.AskAsync(new SendApology(orderId, Ann, "OUT_OF_STOCK"));

        Assert.Equal("apology accepted ann@example.org", await NoticesAsync("kind, status, recipient"));
        Assert.Contains("OUT_OF_STOCK", await NoticesAsync("text"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nowhere")]
    [InlineData("@example.org")]
    [InlineData("ann@")]
    [InlineData("ann@example.org\nBcc: all@example.org")]
    public async Task Should_refuse_to_confirm_to_what_is_no_address(string email)
    {
        var answer = await shop.AskAsync(new SendConfirmation(orderId, Ann with { Email = email }, 1, "EUR"));

        Assert.Equal("BAD_RECIPIENT", Assert.IsType<ConfirmationRefused>(answer.Message).Reason);
        Assert.Equal("", await NoticesAsync("kind"));
    }

    [Fact]
    public async Task Should_keep_an_apology_that_can_reach_nobody()
    {
        var nobody = Ann with { Email = new string('a', 400) };

        Assert.IsType<ApologySent>((await shop.AskAsync(new SendApology(orderId, nobody, new string('x', 5000)))).Message);
        Assert.Equal("apology undeliverable", await NoticesAsync("kind, status"));
    }

    private Task<string> NoticesAsync(string columns) => shop.ReadAsync($"SELECT {columns} FROM notification.notifications WHERE order_id = @id", orderId);
}
