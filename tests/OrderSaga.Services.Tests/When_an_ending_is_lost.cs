using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

/// <summary>Orders and Inventory hold marks until an order ends; nobody tells them, so they ask.</summary>
public sealed class When_an_ending_is_lost : IAsyncLifetime
{
    private readonly ManualTime time = new();
    private readonly Guid orderId = Guid.NewGuid();
    private TestDatabase database = null!;
    private Shop shop = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        shop = await OpenAsync();
        await shop.AskAsync(new CreateOrder(orderId, new("c-1", "a@example.org"), "EUR", [new("sku-last", 1)]));
        await shop.AskAsync(new ReserveInventory(orderId, [new("sku-last", 1)]));
    }

    public async ValueTask DisposeAsync()
    {
        await shop.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_ask_for_it_after_five_minutes_and_every_minute_after_that()
    {
        for (var i = 0; i < 4; i++)
            await PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(0, Questions());

        // Of two services each.
        await AskedAsync(2);
        await AskedAsync(4);
    }

    [Fact]
    public async Task Should_ask_at_once_when_a_process_starts()
    {
        await shop.DisposeAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        shop = await OpenAsync();

        await AskedAsync(2);
    }

    [Fact]
    public async Task Should_end_what_was_completed_and_ask_no_more()
    {
        await shop.TellAsync(new CheckoutOutcomes([new(Guid.NewGuid(), "Complete"), new(orderId, "Complete")]));

        Assert.Equal(["CONFIRMED", "0 0", "COMMITTED"], await MarksAsync());
        for (var i = 0; i < 8; i++)
            await PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(0, Questions());
    }

    [Theory]
    [InlineData("PaymentCharged"), InlineData("Compensating"), InlineData("Compensated"), InlineData("Failed")]
    public async Task Should_leave_the_rest_to_the_mirror(string state)
    {
        await shop.TellAsync(new CheckoutOutcomes([new(orderId, state)]));

        Assert.Equal(["PENDING", "1 1", "PENDING"], await MarksAsync());
    }

    private Task<Shop> OpenAsync() => Shop.OpenAsync(new() { Database = database, Time = time });

    private int Questions() => shop.Said.Count(a => a.Message is AskOutcome asked && asked.OrderIds.Contains(orderId));

    private async Task AskedAsync(int questions)
    {
        for (var i = 0; Questions() < questions; i++)
        {
            Assert.True(i < 400, "Nobody asks.");
            await PassAsync(TimeSpan.FromSeconds(10));
        }
    }

    // Slowly enough for what is done every minute to be done every minute.
    private async Task PassAsync(TimeSpan by)
    {
        time.Advance(by);
        await Task.Delay(50, Ct);
    }

    private async Task<string[]> MarksAsync() =>
    [
        await shop.ReadAsync("SELECT status FROM orders.orders WHERE order_id = @id", orderId),
        await shop.ReadAsync("SELECT on_hand, reserved FROM inventory.stock WHERE product_id = 'sku-last'"),
        await shop.ReadAsync("SELECT status FROM inventory.reservations WHERE order_id = @id", orderId),
    ];
}
