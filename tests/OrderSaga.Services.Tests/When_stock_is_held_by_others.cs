using System.Diagnostics;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

/// <summary>Inventory:Pending = Wait. That an order fails fast otherwise is shown where orders compete.</summary>
public sealed class When_stock_is_held_by_others(When_stock_is_held_by_others.Waiting waiting) : IClassFixture<When_stock_is_held_by_others.Waiting>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly Shop shop = waiting.Shop;
    private readonly Guid holder = Guid.NewGuid();
    private readonly Guid waiter = Guid.NewGuid();

    [Fact]
    public async Task Should_get_the_unit_when_the_holder_gives_it_free()
    {
        var product = await HeldAsync(1);
        var other = await shop.StockAsync(5);

        var beat = Assert.IsType<StepProgress>(await ReserveAsync(waiter, (product, 1), (other, 2)));
        Assert.Equal((waiter, "ReserveInventory"), (beat.OrderId, beat.Step));
        Assert.True(beat.Until > DateTimeOffset.UnixEpoch);
        Assert.Equal(["1 1", "5 0"], [await StockOfAsync(product), await StockOfAsync(other)]);
        Assert.Equal("WAITING, WAITING", await MarksOfAsync(waiter));

        await shop.AskAsync(new ReleaseInventory(holder));
        await shop.HearAsync<InventoryReserved>(waiter);

        Assert.Equal(["1 1", "5 2"], [await StockOfAsync(product), await StockOfAsync(other)]);
        Assert.Equal("PENDING, PENDING", await MarksOfAsync(waiter));
        Assert.Equal("done", await StepLogAsync(waiter));
        Assert.IsType<InventoryReserved>(await ReserveAsync(waiter, (product, 1), (other, 2)));
    }

    [Fact]
    public async Task Should_be_refused_at_the_end_of_the_wait()
    {
        var product = await HeldAsync(1);
        var plenty = await shop.StockAsync(5);
        var asked = Stopwatch.StartNew();
        var beat = (StepProgress)await ReserveAsync(waiter, (product, 1), (plenty, 1));

        var refused = await shop.HearAsync<InventoryRefused>(waiter);

        Assert.InRange(asked.Elapsed, Patience - TimeSpan.FromSeconds(0.1), Patience * 3);
        // Until then its silence was excused.
        Assert.True(beat.Until > TimeProvider.System.GetUtcNow());
        Assert.Equal("OUT_OF_STOCK", refused.Reason);
        Assert.Equal([product], refused.Products!);
        Assert.Equal("REFUSED, REFUSED", await MarksOfAsync(waiter));
        Assert.Equal(["1 1", "5 0"], [await StockOfAsync(product), await StockOfAsync(plenty)]);
        await shop.AskAsync(new ReleaseInventory(holder));
        Assert.IsType<InventoryRefused>(await ReserveAsync(waiter, (product, 1), (plenty, 1)));
        Assert.Equal("refused", await StepLogAsync(waiter));
    }

    [Fact]
    public async Task Should_be_refused_at_once_when_stock_can_never_suffice()
    {
        var product = await HeldAsync(1);
        var little = await shop.StockAsync(2);

        var refused = Assert.IsType<InventoryRefused>(await ReserveAsync(waiter, (product, 1), (little, 3), ("sku-nowhere", 1)));

        Assert.Equal([.. new[] { little, "sku-nowhere" }.Order(StringComparer.Ordinal)], refused.Products!);
        Assert.Equal("", await MarksOfAsync(waiter));
        Assert.Equal("2 0", await StockOfAsync(little));
    }

    [Fact]
    public async Task Should_be_refused_as_soon_as_the_holder_takes_it_with_him()
    {
        var product = await HeldAsync(1);
        await ReserveAsync(waiter, (product, 1));

        await shop.CompleteAsync(holder);
        var refused = await shop.HearAsync<InventoryRefused>(waiter);

        Assert.Equal([product], refused.Products!);
        Assert.Equal("0 0", await StockOfAsync(product));
    }

    [Fact]
    public async Task Should_not_get_it_any_more_when_the_order_is_undone()
    {
        var product = await HeldAsync(1);
        await ReserveAsync(waiter, (product, 1));

        var released = Assert.IsType<InventoryReleased>((await shop.AskAsync(new ReleaseInventory(waiter))).Message);
        await shop.AskAsync(new ReleaseInventory(holder));

        Assert.False(released.NothingToUndo);
        Assert.Equal("ALREADY_UNDONE", Assert.IsType<InventoryRefused>(await ReserveAsync(waiter, (product, 1))).Reason);
        Assert.Equal("barred, undone", await StepLogAsync(waiter));
        await Task.Delay(Patience, TestContext.Current.CancellationToken);
        Assert.Equal("1 0", await StockOfAsync(product));
        Assert.Equal("RELEASED", await MarksOfAsync(waiter));
    }

    [Fact]
    public async Task Should_settle_a_wait_and_its_undo_that_race()
    {
        var product = await HeldAsync(1);
        for (var round = 0; round < 30; round++)
        {
            var id = Guid.NewGuid();
            await Task.WhenAll(ReserveAsync(id, (product, 1)), shop.AskAsync(new ReleaseInventory(id)), ReserveAsync(id, (product, 1)));

            Assert.StartsWith("barred, ", await StepLogAsync(id), StringComparison.Ordinal);
            Assert.Equal("", await shop.ReadAsync("SELECT due FROM inventory.under_way WHERE order_id = @id AND due IS NOT NULL", id));
            Assert.Matches("^(RELEASED)?$", await MarksOfAsync(id));
        }
    }

    [Fact]
    public async Task Should_not_wait_on_when_the_undo_had_looked_before_it_began()
    {
        var product = await HeldAsync(1);
        await using var other = await shop.AnotherAsync();
        waiting.Between.AfterReading("under_way", waiter, async () =>
            Assert.IsType<StepProgress>((await other.AskAsync(new ReserveInventory(waiter, [new(product, 1)]))).Message));

        Assert.False(Assert.IsType<InventoryReleased>((await shop.AskAsync(new ReleaseInventory(waiter))).Message).NothingToUndo);
        Assert.Equal("barred, undone", await StepLogAsync(waiter));
        Assert.Equal("RELEASED", await MarksOfAsync(waiter));
    }

    [Fact]
    public async Task Should_hear_that_it_waits_however_often_it_asks_and_be_refused_other_content()
    {
        var product = await HeldAsync(1);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => shop.AskAsync(new ReserveInventory(waiter, [new(product, 1)]))));

        Assert.All(answers, a => Assert.IsType<StepProgress>(a.Message));
        Assert.Equal(10, answers.Select(a => a.Id).Distinct().Count());
        Assert.Equal("KEY_REUSED", Assert.IsType<InventoryRefused>(await ReserveAsync(waiter, (product, 2))).Reason);
        await shop.AskAsync(new ReleaseInventory(holder));
        await shop.HearAsync<InventoryReserved>(waiter);
        Assert.Equal("1 1", await StockOfAsync(product));
    }

    [Fact]
    public async Task Should_get_it_from_another_process_when_the_one_that_was_asked_has_died()
    {
        await using var later = await shop.AnotherAsync();
        var one = await shop.AnotherAsync();
        var product = await HeldAsync(1);
        Assert.IsType<StepProgress>((await one.AskAsync(new ReserveInventory(waiter, [new(product, 1)]))).Message);
        await one.StopAsync();

        await shop.AskAsync(new ReleaseInventory(holder));
        var (heard, also) = (shop.HearAsync<InventoryReserved>(waiter), later.HearAsync<InventoryReserved>(waiter));
        await Task.WhenAny(heard, also);

        Assert.Equal("1 1", await StockOfAsync(product));
        Assert.Equal(1, shop.Said.Concat(later.Said).Count(a => a.Message is InventoryReserved r && r.OrderId == waiter));
    }

    [Fact]
    public async Task Should_keep_nobody_else_waiting()
    {
        var product = await HeldAsync(1);
        var crowd = Enumerable.Range(0, 100).Select(_ => Guid.NewGuid()).ToList();
        Assert.All(await Task.WhenAll(crowd.Select(id => ReserveAsync(id, (product, 1)))), a => Assert.IsType<StepProgress>(a));

        // More of them wait than messages are taken at a time.
        var asked = Stopwatch.StartNew();
        Assert.IsType<InventoryReserved>(await ReserveAsync(waiter, ("sku-apple", 1)));
        Assert.True(asked.Elapsed < TimeSpan.FromSeconds(1), $"It took {asked.Elapsed}.");

        await shop.AskAsync(new ReleaseInventory(holder));
        await Task.WhenAll(crowd.Select(id => Task.WhenAny(shop.HearAsync<InventoryReserved>(id), shop.HearAsync<InventoryRefused>(id))));
        var winner = Assert.Single(crowd, id => shop.Said.Any(a => a.Message is InventoryReserved r && r.OrderId == id));
        Assert.Equal("PENDING", await MarksOfAsync(winner));
        Assert.Equal("1 1", await StockOfAsync(product));
    }

    private async Task<string> HeldAsync(int onHand)
    {
        var product = await shop.StockAsync(onHand);
        Assert.IsType<InventoryReserved>(await ReserveAsync(holder, (product, onHand)));
        return product;
    }

    private async Task<object> ReserveAsync(Guid orderId, params (string Product, int Quantity)[] lines) =>
        (await shop.AskAsync(new ReserveInventory(orderId, [.. lines.Select(l => new StockLine(l.Product, l.Quantity))]))).Message;

    private Task<string> StockOfAsync(string product) => shop.ReadAsync($"SELECT on_hand, reserved FROM inventory.stock WHERE product_id = '{product}'");

    private Task<string> MarksOfAsync(Guid orderId) => shop.ReadAsync("SELECT coalesce(string_agg(status, ', '), '') FROM inventory.reservations WHERE order_id = @id", orderId);

    private Task<string> StepLogAsync(Guid orderId) => shop.ReadAsync("SELECT string_agg(status, ', ' ORDER BY undo) FROM inventory.step_log WHERE order_id = @id", orderId);

    public sealed class Waiting : IAsyncLifetime
    {
        public Shop Shop { get; private set; } = null!;

        internal Between Between { get; } = new();

        public async ValueTask InitializeAsync() => Shop = await Shop.OpenAsync(new(("Inventory:Pending", "Wait"), ("Inventory:PendingTime", Patience.ToString())) { OfInventory = Between });

        public ValueTask DisposeAsync() => Shop.DisposeAsync();
    }
}
