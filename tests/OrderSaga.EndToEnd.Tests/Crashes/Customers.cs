using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Crashes;

/// <summary>An order that somebody wants, and how it may end when all goes well.</summary>
/// <param name="Kind">What is special about it.</param>
/// <param name="MayComplete">Whether it may be complete in the end; undone it may be in any case, when a step was silent for too long.</param>
/// <param name="Body">What is posted.</param>
/// <param name="Cancels">The customer thinks better of it.</param>
internal sealed record Wish(string Kind, bool MayComplete, JsonElement Body, bool Cancels = false)
{
    private static readonly (int Weight, Func<Wish> Make)[] All =
    [
        (12, () => new("visa", true, Shop.Order())),
        (3, () => new("gift", true, Shop.Order("sku-pear", giftWrap: true))),
        (3, () => new("declined", false, Shop.Order(token: "tok_declined"))),
        (2, () => new("empty shelf", false, Shop.Order("sku-none"))),
        (2, () => new("last one", true, Shop.Order("sku-last"))),
        (2, () => new("gateway fails twice", true, Shop.Order(token: "tok_error"))),
        (2, () => new("gateway slow", true, Shop.Order(token: "tok_slow"))),
        (2, () => new("cancelled", true, Shop.Order(), Cancels: true)),
        .. Planned(true, "ReserveInventory silent 1", "ChargePayment late 1", "CreateOrder duplicate, ChargePayment duplicate, SendConfirmation duplicate", "SendConfirmation silent 2", "Gateway crash",
            // A minute late: too late, but for an outage meanwhile, for which the order is given more time.
            "ChargePayment late", "CreateShipment late, CreateShipment undo-silent 1"),
        .. Planned(false, "ChargePayment silent", "FreezePrice throw", "CreateShipment refuse", "CreateShipment refuse, ChargePayment undo-throw 1",
            "CreateShipment refuse, ReserveInventory undo-silent 1", "CreateShipment refuse, FreezePrice undo-throw 5"),
    ];

    /// <summary>So many, at random; some of them kill whoever carries them out.</summary>
    public static IReadOnlyList<Wish> Some(Random dice, int many, int deadly)
    {
        var pot = All.SelectMany(w => Enumerable.Repeat(w.Make, w.Weight)).ToArray();
        Wish[] wishes =
        [
            .. Enumerable.Range(0, deadly).Select(n => new Wish("deadly", true, Shop.With($"{(n % 2 == 0 ? "ChargePayment" : "CreateShipment")} crash 1"))),
            .. Enumerable.Range(0, many - deadly).Select(_ => pot[dice.Next(pot.Length)]()),
        ];
        dice.Shuffle(wishes);
        return wishes;
    }

    private static IEnumerable<(int, Func<Wish>)> Planned(bool mayComplete, params string[] plans) => plans.Select(plan => (1, (Func<Wish>)(() => new(plan, mayComplete, Shop.With(plan)))));
}

/// <summary>Clients as they should be: each order has a key, and is sent again, to whichever node answers, until it is known what became of it.</summary>
internal sealed class Customers(Func<IReadOnlyList<Shop>> nodes)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(200);
    private readonly ConcurrentDictionary<Guid, Wish> placed = new();
    private int retries;
    private int turn;

    /// <summary>The orders that were answered 202.</summary>
    public IReadOnlyDictionary<Guid, Wish> Placed => placed;

    /// <summary>How many requests had to be sent again.</summary>
    public int Retries => retries;

    public async Task<Guid> PlaceAsync(Wish wish, CancellationToken ct)
    {
        var key = $"{Guid.NewGuid()}";
        var id = await AskAsync(() => new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(wish.Body), Headers = { { "Idempotency-Key", key } } }, async response =>
        {
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
            return (await response.Content.ReadFromJsonAsync<JsonObject>(ct))!["orderId"]!.GetValue<Guid>();
        }, ct);
        Assert.True(placed.TryAdd(id, wish), $"Order {id} was given to two customers.");
        if (wish.Cancels)
            await AskAsync(() => new HttpRequestMessage(HttpMethod.Post, $"/orders/{id}/cancel"), response =>
            {
                Assert.Contains(response.StatusCode, (HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.Conflict]);
                return Task.FromResult(true);
            }, ct);
        return id;
    }

    private async Task<T> AskAsync<T>(Func<HttpRequestMessage> ask, Func<HttpResponseMessage, Task<T>> read, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                var up = nodes();
                if (up.Count > 0)
                {
                    using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
                    patience.CancelAfter(Patience);
                    using var request = ask();
                    using var response = await up[Interlocked.Increment(ref turn) % up.Count].Http.SendAsync(request, patience.Token);
                    if ((int)response.StatusCode < 500)
                        return await read(response);
                }
            }
            catch (Exception e) when (!ct.IsCancellationRequested && e is HttpRequestException or OperationCanceledException or IOException or ObjectDisposedException)
            {
                // It may have been accepted, or not: that is what the key is for.
            }

            Interlocked.Increment(ref retries);
            await Task.Delay(Pause, ct);
        }
    }
}
