using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_the_warehouse_takes_its_time : IAsyncLifetime
{
    private static readonly TimeSpan Packing = TimeSpan.FromMinutes(40), Beat = TimeSpan.FromMinutes(1);
    private readonly ManualTime time = new();
    private readonly Guid orderId = Guid.NewGuid();
    private TestDatabase database = null!;
    private Shop shop = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        shop = await Shop.OpenAsync(new(("Shipping:PackingTime", Packing.ToString())) { Time = time, Database = database });
    }

    public async ValueTask DisposeAsync()
    {
        await shop.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Should_say_every_minute_that_it_is_at_work_and_answer_when_the_parcel_is_there()
    {
        var began = time.GetUtcNow();
        var first = Assert.IsType<StepProgress>(await ShipAsync());
        Assert.Equal((orderId, "CreateShipment", began + 3 * Beat), (first.OrderId, first.Step, first.Until));
        Assert.StartsWith("PACKING lb_", await ShipmentAsync(), StringComparison.Ordinal);

        // As the orchestrator sees it: at any time there is a word that excuses the silence.
        for (var beats = 2; time.GetUtcNow() < began + Packing - Beat; beats++)
        {
            var beat = await BeatAsync(shop, beats);
            Assert.InRange(beat.Until - time.GetUtcNow(), 2 * Beat, 3 * Beat);
        }

        var created = await MoveUntilAsync(shop.HearAsync<ShipmentCreated>(orderId));
        Assert.InRange(time.GetUtcNow() - began, Packing, Packing + Beat);
        Assert.Equal($"CREATED {created.LabelNumber}", await ShipmentAsync());
        Assert.Equal("done", await StepLogAsync());
        Assert.Equal(created, await ShipAsync());
        var ids = shop.Said.Where(a => a.Message is StepProgress).Select(a => a.Id).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.All(shop.Said.Where(a => a.Message is StepProgress), a => Assert.Equal($"saga:{orderId}:CreateShipment", a.Headers["idempotency-key"]));
    }

    [Fact]
    public async Task Should_answer_a_repetition_with_a_beat()
    {
        await ShipAsync();

        Assert.All(await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => ShipAsync())), a => Assert.IsType<StepProgress>(a));
        Assert.Equal("1", await shop.ReadAsync("SELECT sum(taken) FROM shipping.delivery_slots"));
    }

    [Fact]
    public async Task Should_be_carried_on_with_by_another_process()
    {
        var one = await shop.AnotherAsync();
        await shop.StopAsync();
        Assert.IsType<StepProgress>((await one.AskAsync(Ask)).Message);
        await one.StopAsync();

        shop = await shop.AnotherAsync();
        await BeatAsync(shop, 1);
        time.Advance(Packing - 2 * Beat);
        await BeatAsync(shop, 2);
        await MoveUntilAsync(shop.HearAsync<ShipmentCreated>(orderId));
        Assert.StartsWith("CREATED lb_", await ShipmentAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_be_carried_on_with_by_one_of_two_processes()
    {
        await using var other = await shop.AnotherAsync();
        await ShipAsync();
        var (one, two) = (shop.HearAsync<ShipmentCreated>(orderId), other.HearAsync<ShipmentCreated>(orderId));
        time.Advance(Packing);
        await MoveUntilAsync(Task.WhenAny(one, two));
        // What the slower one does, if it does anything, it does within a moment.
        await Task.Delay(300, Ct);

        Assert.Single(shop.Said.Concat(other.Said), a => a.Message is ShipmentCreated);
        Assert.Equal("done", await StepLogAsync());
    }

    [Fact]
    public async Task Should_answer_who_asks_again_when_it_died_between_commit_and_answer()
    {
        await ShipAsync();
        shop.CrashBefore<ShipmentCreated>();
        time.Advance(Packing);
        for (var i = 0; await StepLogAsync() != "done"; i++)
        {
            Assert.True(i < 400);
            time.Advance(TimeSpan.FromMilliseconds(60));
            await Task.Delay(20, Ct);
        }

        Assert.DoesNotContain(shop.Said, a => a.Message is ShipmentCreated);
        Assert.IsType<ShipmentCreated>(await ShipAsync());
    }

    [Fact]
    public async Task Should_stop_when_it_is_cancelled()
    {
        await ShipAsync();

        Assert.Equal(new ShipmentCancelled(orderId), (await shop.AskAsync(new CancelShipment(orderId))).Message);
        Assert.StartsWith("CANCELLED lb_", await ShipmentAsync(), StringComparison.Ordinal);
        Assert.Equal("0", await shop.ReadAsync("SELECT sum(taken) FROM shipping.delivery_slots"));
        Assert.Equal("barred, undone", await StepLogAsync());
        Assert.Equal("ALREADY_UNDONE", Assert.IsType<ShipmentRefused>(await ShipAsync()).Reason);
        for (var i = 0; i < 10; i++)
        {
            time.Advance(Packing / 5);
            await Task.Delay(20, Ct);
        }

        Assert.DoesNotContain(shop.Said, a => a.Message is ShipmentCreated);
        Assert.StartsWith("CANCELLED lb_", await ShipmentAsync(), StringComparison.Ordinal);
    }

    private CreateShipment Ask => new(orderId, new("Ann", "B 1", "Cologne", "50667", "DE"), [new("sku-apple", 1)]);

    private async Task<object> ShipAsync() => (await shop.AskAsync(Ask)).Message;

    private Task<StepProgress> BeatAsync(Shop from, int number) => MoveUntilAsync(from.HearAsync<StepProgress>(orderId, number));

    // The clock goes on until it is heard.
    private async Task<T> MoveUntilAsync<T>(Task<T> heard)
    {
        while (!heard.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.WhenAny(heard, Task.Delay(10, Ct));
        }

        return await heard;
    }

    private Task<string> ShipmentAsync() => shop.ReadAsync("SELECT status, label_number FROM shipping.shipments WHERE order_id = @id", orderId);

    private Task<string> StepLogAsync() => shop.ReadAsync("SELECT string_agg(status, ', ' ORDER BY undo) FROM shipping.step_log WHERE order_id = @id", orderId);
}
