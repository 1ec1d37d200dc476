using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_a_day_has_its_parcels : IAsyncLifetime
{
    private readonly ManualTime time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private Shop shop = null!;

    public async ValueTask InitializeAsync() => shop = await Shop.OpenAsync(new(("Shipping:SlotCapacity", "5"), ("Shipping:SlotDays", "3")) { Time = time });

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    [Fact]
    public async Task Should_deliver_on_the_next_day_that_is_free_and_refuse_when_none_is()
    {
        for (var i = 0; i < 15; i++)
            Assert.IsType<ShipmentCreated>(await ShipAsync(Guid.NewGuid()));
        Assert.Equal("2026-03-02 5, 2026-03-03 5, 2026-03-04 5", await ParcelsAsync());

        var refused = Assert.IsType<ShipmentRefused>(await ShipAsync(Guid.NewGuid()));
        Assert.Equal(("NO_DELIVERY_SLOT", "No delivery is free within 3 days."), (refused.Reason, refused.Detail));
        await AssertSlotsAgreeAsync();

        time.Advance(TimeSpan.FromDays(1));
        Assert.IsType<ShipmentCreated>(await ShipAsync(Guid.NewGuid()));
        Assert.EndsWith("2026-03-05 1", await ParcelsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_never_give_a_slot_twice_when_all_come_at_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => ShipAsync(Guid.NewGuid())));

        Assert.Equal((15, 25), (answers.Count(a => a is ShipmentCreated), answers.Count(a => a is ShipmentRefused { Reason: "NO_DELIVERY_SLOT" })));
        Assert.Equal("2026-03-02 5, 2026-03-03 5, 2026-03-04 5", await ParcelsAsync());
        await AssertSlotsAgreeAsync();
    }

    [Fact]
    public async Task Should_refuse_nobody_in_two_processes_while_there_is_a_place()
    {
        await using var other = await shop.AnotherAsync();
        await shop.WriteAsync("INSERT INTO shipping.delivery_slots (day, capacity, taken) VALUES ('2026-03-02', 0, 0), ('2026-03-03', 0, 0), ('2026-03-04', 0, 0)");
        for (var round = 0; round < 40; round++)
        {
            await shop.WriteAsync("UPDATE shipping.delivery_slots SET capacity = taken + 9 WHERE day = '2026-03-04'");
            var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => ShipAsync(Guid.NewGuid(), i % 2 == 0 ? shop : other)));
            Assert.Equal((9, 15), (answers.Count(a => a is ShipmentCreated), answers.Count(a => a is ShipmentRefused { Reason: "NO_DELIVERY_SLOT" })));
        }

        await AssertSlotsAgreeAsync();
    }

    [Fact]
    public async Task Should_give_a_slot_back_once_and_to_the_next_one()
    {
        var orders = Enumerable.Range(0, 15).Select(_ => Guid.NewGuid()).ToList();
        foreach (var order in orders)
            await ShipAsync(order);

        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => shop.AskAsync(new CancelShipment(orders[0]))));
        await AssertSlotsAgreeAsync();
        Assert.IsType<ShipmentCreated>(await ShipAsync(Guid.NewGuid()));
        Assert.IsType<ShipmentRefused>(await ShipAsync(Guid.NewGuid()));
        await AssertSlotsAgreeAsync();
    }

    [Fact]
    public async Task Should_not_deliver_on_a_day_that_was_closed()
    {
        await shop.WriteAsync("INSERT INTO shipping.delivery_slots (day, capacity, taken) VALUES ('2026-03-02', 0, 0)");
        await ShipAsync(Guid.NewGuid());

        Assert.Equal("2026-03-03 1", await ParcelsAsync());
    }

    [Fact]
    public async Task Should_never_lock_each_other_out()
    {
        using var deadlocks = new Deadlocks("delivery_slots", "shipments", "step_log");
        for (var round = 0; round < 40; round++)
        {
            var order = Guid.NewGuid();
            await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
            {
                // The undo follows the first do closely, while others are under way.
                await Task.Delay(i < 10 ? 0 : i / 2, TestContext.Current.CancellationToken);
                _ = i < 10 ? await ShipAsync(order) : await shop.AskAsync(new CancelShipment(order));
            }));
        }

        Assert.Equal(0, deadlocks.Found);
        await AssertSlotsAgreeAsync();
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3)]
    public async Task Should_agree_with_the_parcels_whatever_comes(int seed)
    {
        var random = new Random(seed);
        var orders = Enumerable.Range(0, 30).Select(_ => Guid.NewGuid()).ToList();
        await Task.WhenAll(Enumerable.Range(0, 150).Select(_ =>
        {
            var order = orders[random.Next(orders.Count)];
            return random.Next(3) == 0 ? shop.AskAsync(new CancelShipment(order)) : (Task)ShipAsync(order);
        }));

        await AssertSlotsAgreeAsync();
    }

    private async Task<object> ShipAsync(Guid orderId, Shop? at = null) =>
        (await (at ?? shop).AskAsync(new CreateShipment(orderId, new("Ann", "B 1", "Cologne", "50667", "DE"), [new("sku-apple", 1)]))).Message;

    private Task<string> ParcelsAsync() => shop.ReadAsync("""
        SELECT string_agg(concat_ws(' ', delivery_day, n), ', ' ORDER BY delivery_day)
        FROM (SELECT delivery_day, count(*) AS n FROM shipping.shipments WHERE status <> 'CANCELLED' GROUP BY delivery_day) AS parcels
        """);

    /// <summary>What is taken is what is not cancelled, and no more than there is room for.</summary>
    private async Task AssertSlotsAgreeAsync() => Assert.Equal("", await shop.ReadAsync("""
        SELECT s.* FROM shipping.delivery_slots s
        WHERE taken > capacity OR taken <> (SELECT count(*) FROM shipping.shipments p WHERE p.delivery_day = s.day AND p.status <> 'CANCELLED')
        """));
}
