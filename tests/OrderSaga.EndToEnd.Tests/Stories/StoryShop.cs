using System.Diagnostics;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>
/// The shop in which the stories happen, one after the other: on RabbitMQ and PostgreSQL, its clock movable, its mail taken by a server
/// and its broker reached by a wire of the test's own.
/// </summary>
public sealed class StoryShop : IAsyncLifetime
{
    private Shop shop = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    internal ServersPlace Place { get; private set; } = null!;

    internal Wire Wire { get; private set; } = null!;

    internal MailServer Mail { get; } = new();

    internal Shop Shop => shop;

    public async ValueTask InitializeAsync()
    {
        Place = await ServersPlace.MakeAsync();
        Wire = Place.WireToBroker();
        shop = await BeginAsync();
        // Everything has been said once, so who says it does not set up the broker any more.
        await EndOfAsync(await OrderAsync(Shop.Order(giftWrap: true)), "Complete");
        await EndOfAsync(await OrderAsync("CreateShipment throw", giftWrap: true), "Compensated", "STEP_FAULTED");
    }

    public async ValueTask DisposeAsync()
    {
        await shop.DisposeAsync();
        Wire.Dispose();
        await Mail.DisposeAsync();
        await Place.DisposeAsync();
    }

    internal Task<Guid> OrderAsync(JsonElement order, string? key = null) => shop.OrderAsync(order, key);

    /// <summary>An order with faults: "ChargePayment undo-throw 2, Gateway late".</summary>
    internal Task<Guid> OrderAsync(string plan, bool giftWrap = false) => shop.OrderAsync(Shop.With(plan, giftWrap));

    internal Task<DateTimeOffset> AdvanceAsync(TimeSpan by) => shop.AdvanceAsync(by);

    internal Task<JsonElement> EndOfAsync(Guid id, string state, string? reason = null, TimeSpan? leap = null) => shop.EndOfAsync(Place, id, state, reason, leap);

    internal Task AllRestAsync() => shop.AllRestAsync(Place);

    /// <summary>Waits until an order goes through at once, by real time alone: everybody hears everybody again.</summary>
    internal async Task GoesThroughAsync()
    {
        for (var patience = Stopwatch.StartNew(); patience.Elapsed < TimeSpan.FromSeconds(60);)
        {
            var order = await OrderAsync(Shop.Order());
            for (var since = Stopwatch.StartNew(); since.Elapsed < TimeSpan.FromSeconds(3); await Task.Delay(50, Ct))
                if ((await shop.ReadAsync(order, Ct)).GetProperty("state").GetString() == "Complete")
                    return;
        }

        Assert.Fail($"No order goes through.\n{shop.Lately}");
    }

    /// <summary>A step is asked for as often as it is, and nobody hears an answer.</summary>
    internal async Task FallsSilentAsync(Guid order, string step)
    {
        for (var ask = 1; ask <= 3; ask++)
        {
            await Place.WaitsForAsync(order, $"{step} awaiting {ask}");
            await AdvanceAsync(TimeSpan.FromSeconds(20));
        }
    }

    /// <summary>kill -9.</summary>
    internal Task KillAsync() => shop.KillAsync();

    /// <summary>After that, another process in its place.</summary>
    internal async Task RestartAsync()
    {
        var gone = shop;
        shop = await BeginAsync();
        await gone.DisposeAsync();
    }

    /// <summary>All the books agree, and this is what the customer of an order was told, by one mail in all.</summary>
    internal async Task AgreesAsync(params (Guid Order, string Told)[] customers)
    {
        await shop.BooksAgreeAsync(Place);
        foreach (var (order, told) in customers)
        {
            for (var i = 0; i < 200 && MailsOf(order).Count == 0; i++)
                await Task.Delay(50, Ct);
            Assert.Equal([told], MailsOf(order));
        }
    }

    /// <summary>The kinds of mail that came because of an order. A try that the clock was moved under may come twice, under one id.</summary>
    internal IReadOnlyList<string> MailsOf(Guid order) =>
        [.. Mail.Mails.Select(mail => MailServer.Header(mail, "Message-ID")).Distinct().Where(id => id.StartsWith($"<{order:N}.", StringComparison.Ordinal)).Select(id => id.Split('.', '@')[1])];

    private Task<Shop> BeginAsync() => Shop.StartAsync(Place, Ct, more:
    [
        "--environment", "Development", "--Payment:SimulatorSlowTime", "06:00:00", "--Checkout:StepTimes:WrapGift", "00:12:00",
        .. Mail.Settings.SelectMany(setting => new[] { $"--{setting.Key}", setting.Value }), .. Place.Through(broker: Wire),
    ]);
}

/// <summary>One shop for all stories.</summary>
[CollectionDefinition(nameof(StoryShop))]
public sealed class StoriesHappen : ICollectionFixture<StoryShop>;
