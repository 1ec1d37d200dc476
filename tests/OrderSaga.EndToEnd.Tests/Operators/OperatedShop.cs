using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Operators;

/// <summary>A shop that is operated by key, with an order of each kind that operators deal with.</summary>
public sealed class OperatedShop : IAsyncLifetime
{
    public const string Key = "the-key-of-the-shop", Anns = "the-key-of-ann-is-this", Robs = "the-key-of-rob-is-this";

    // An undo is stuck after two tries; silence counts as soon as participants' own retries are over.
    private static readonly string[] Settings =
    [
        "--Ops:ApiKey", Key, "--Ops:Actors", $"ann:{Anns}", "--Ops:Readers", $"rob:{Robs}",
        "--Faults:Enabled", "true", "--Checkout:UndoTime", "00:00:04", "--Checkout:UndoPauses:0", "00:00:00.2",
        "--Checkout:StepTimes:ChargePayment", "00:30:00", "--Checkout:SagaTime", "01:00:00",
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    internal Place Place { get; private set; } = null!;

    internal Shop Shop { get; private set; } = null!;

    public Guid Complete { get; private set; }

    /// <summary>Waits for its payment.</summary>
    public Guid Waiting { get; private set; }

    /// <summary>Orders whose stock is stuck; a further try succeeds.</summary>
    public IReadOnlyList<Guid> Stuck { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        Place = await Place.OfAsync("servers");
        Shop = await Shop.StartAsync(Place, Ct, more: Settings);
        Complete = await PlaceAsync("c-complete", wait: 30);
        Waiting = await WaitingAsync();
        Stuck = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PlaceAsync("c-stuck", "CreateShipment refuse, ReserveInventory undo-silent 2")));
        foreach (var id in Stuck)
            Assert.Equal("Failed", (await Shop.AtRestAsync(id, Ct)).GetProperty("state").GetString());
    }

    public async ValueTask DisposeAsync()
    {
        await Shop.DisposeAsync();
        await Place.DisposeAsync();
    }

    /// <summary>An order that waits for its payment until somebody does something.</summary>
    public async Task<Guid> WaitingAsync()
    {
        var id = await PlaceAsync("c-waiting", "ChargePayment silent");
        await UntilAsync(id, order => order.Text("state") == "PriceFrozen");
        return id;
    }

    /// <param name="customer">The customer's id.</param>
    /// <param name="plan">Step, kind and times of each fault.</param>
    /// <param name="wait">Seconds.</param>
    public async Task<Guid> PlaceAsync(string customer, string plan = "", int wait = 0)
    {
        var order = JsonNode.Parse((plan.Length == 0 ? Shop.Order() : Shop.With(plan)).GetRawText())!;
        order["customer"]!["id"] = customer;
        using var placed = await Shop.PlaceAsync(JsonSerializer.SerializeToElement(order), wait, ct: Ct);
        return (await placed.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetGuid();
    }

    public async Task UntilAsync(Guid id, Func<JsonElement, bool> holds)
    {
        for (var patience = Stopwatch.StartNew(); ;)
        {
            var order = await Shop.ReadAsync(id, Ct);
            if (holds(order))
                return;
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), $"It does not come to hold: {order}\n{Shop.Output}");
            await Task.Delay(50, Ct);
        }
    }

    public Task<JsonElement> GetAsync(string path, HttpStatusCode expected = HttpStatusCode.OK, string? key = Key) => AskAsync(HttpMethod.Get, path, null, expected, key);

    public Task<JsonElement> PostAsync(string path, object? body = null, HttpStatusCode expected = HttpStatusCode.Accepted, string? key = Key) =>
        AskAsync(HttpMethod.Post, path, body is null ? null : JsonContent.Create(body), expected, key);

    private async Task<JsonElement> AskAsync(HttpMethod method, string path, HttpContent? content, HttpStatusCode expected, string? key)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (key is not null)
            request.Headers.Add("X-Api-Key", key);
        using var response = await Shop.Http.SendAsync(request, Ct);
        var said = await response.Content.ReadAsStringAsync(Ct);
        Assert.True(expected == response.StatusCode, $"{method} {path}: {response.StatusCode} {said}");
        if (!response.IsSuccessStatusCode)
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        return JsonElement.Parse(said);
    }
}

/// <summary>One shop for all that is about operators.</summary>
[CollectionDefinition(nameof(OperatedShop))]
public sealed class ShopIsOperated : ICollectionFixture<OperatedShop>;

internal static class Reading
{
    public static string? Text(this JsonElement element, string property) => element.GetProperty(property).GetString();

    public static IReadOnlyList<Guid> Ids(this JsonElement list, string property) => [.. list.GetProperty(property).EnumerateArray().Select(e => e.GetProperty("orderId").GetGuid())];
}
