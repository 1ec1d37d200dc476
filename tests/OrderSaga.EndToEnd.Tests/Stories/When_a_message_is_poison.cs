using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Stories;

/// <summary>Two orders cannot be taken in: they wait for a person and hold nobody up, and when their cause is mended they are replayed and complete.</summary>
public sealed class When_a_message_is_poison
{
    private const string Anns = "the-key-of-ann-is-this";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_wait_for_a_person_let_the_others_pass_and_come_to_its_end()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var wire = place.WireToBroker();
        await PricesAsync(place, looked: false);
        await using var shop = await Shop.StartAsync(place, Ct, more: [.. place.Through(broker: wire), "--Ops:Actors", $"ann:{Anns}"]);
        shop.Http.DefaultRequestHeaders.Add("X-Api-Key", Anns);

        // Their client quotes no prices, and this shop was told not to look them up.
        var (poison, second) = (await SubmitAsync(place, price: null), await SubmitAsync(place, price: null));
        var behind = new[] { await SubmitAsync(place, 3.99m), await SubmitAsync(place, 3.99m) };
        foreach (var id in behind)
            Assert.Equal("Complete", (await OrderAsync(shop, id)).GetProperty("state").GetString());
        var letters = await UntilAsync(shop, "ops/dead-letters", found => found.GetProperty("deadLetters").GetArrayLength() == 2);
        var kind = Assert.Single(letters.GetProperty("kinds").EnumerateArray());
        Assert.Equal(("order-state", "SubmitOrder", "NotAcceptedException", 2), (Text(kind, "queue"), Text(kind, "messageType"), Text(kind, "cause"), kind.GetProperty("count").GetInt32()));
        var letterOf = letters.GetProperty("deadLetters").EnumerateArray().ToDictionary(l => Guid.Parse(Text(l, "error").Split(' ')[1]), l => Text(l, "id"));
        Assert.Contains("unitPrice", Text(letters.GetProperty("deadLetters")[0], "error"), StringComparison.Ordinal);

        // Before its cause is mended a replay changes nothing but its count.
        await ReplayAsync(shop, letterOf[poison]);
        await UntilAsync(shop, $"ops/dead-letters/{letterOf[poison]}", letter => letter.GetProperty("times").GetInt32() == 2 && Text(letter, "status") == "waiting");

        await PricesAsync(place, looked: true);
        await UntilAsync(shop, "", _ => false, async () =>
        {
            using var order = await shop.PlaceAsync(Shop.Order(), ct: Ct);
            return order.IsSuccessStatusCode;
        });
        await ReplayAsync(shop, letterOf[poison]);
        Assert.Equal("Complete", (await OrderAsync(shop, poison)).GetProperty("state").GetString());

        // Decided while the broker is away, it waits in the database for it.
        wire.Be(Wire.State.Refusing);
        await shop.BecomesAsync(h => h.GetProperty("status").GetString() == "Unhealthy", Ct);
        Assert.Equal("replaying", await ReplayAsync(shop, letterOf[second]));
        Assert.Equal(1, await place.ScalarAsync<long>($"SELECT count(*) FROM ops.dead_letters WHERE id = '{letterOf[second]}' AND due IS NOT NULL"));
        wire.Be(Wire.State.Mended);
        Assert.Equal("Complete", (await OrderAsync(shop, second)).GetProperty("state").GetString());
        foreach (var id in new[] { poison, second })
            await UntilAsync(shop, $"ops/dead-letters/{letterOf[id]}", letter => Text(letter, "status") == "replayed" && Text(letter, "settledBy") == "ann");

        var audit = (await shop.Http.GetFromJsonAsync<JsonElement>("ops/audit", Ct)).GetProperty("audit").EnumerateArray().Select(a => $"{Text(a, "actor")} {Text(a, "action")} {Text(a, "outcome")} {Text(a, "deadLetterId")}");
        Assert.Equal([$"ann replay replaying {letterOf[second]}", $"ann replay replaying {letterOf[poison]}", $"ann replay replaying {letterOf[poison]}"], audit);
        Assert.Equal(0, (await shop.Http.GetFromJsonAsync<JsonElement>("ops/summary", Ct)).GetProperty("deadLetters").GetProperty("waiting").GetInt32());
    }

    // The switch of a shop that runs: it is read again when its file changes.
    private static Task PricesAsync(Place place, bool looked) =>
        File.WriteAllTextAsync(Path.Combine(place.Folder, "appsettings.json"), $$"""{ "Checkout": { "Steps": { "FreezePrice": {{(looked ? "true" : "false")}} } } }""", Ct);

    private static async Task<Guid> SubmitAsync(ServersPlace place, decimal? price)
    {
        var id = Guid.NewGuid();
        await place.PublishAsync("submit-order", new
        {
            orderId = id, customer = new { id = "c-1", email = "a@example.org" }, currency = "EUR", lines = new[] { new { productId = "sku-apple", quantity = 1, unitPrice = price } },
            shippingAddress = new { name = "A", street = "B 1", city = "C", postalCode = "12345", country = "DE" }, payment = new { token = "tok_visa" },
        }, "SubmitOrder");
        return id;
    }

    private static async Task<string> ReplayAsync(Shop shop, string letter)
    {
        using var response = await shop.Http.PostAsync(new Uri($"ops/dead-letters/{letter}/replay", UriKind.Relative), null, Ct);
        Assert.Equal(202, (int)response.StatusCode);
        return Text(await response.Content.ReadFromJsonAsync<JsonElement>(Ct), "status");
    }

    // It may not be there yet.
    private static async Task<JsonElement> OrderAsync(Shop shop, Guid id)
    {
        await UntilAsync(shop, "", _ => false, async () =>
        {
            using var order = await shop.Http.GetAsync(new Uri($"orders/{id}", UriKind.Relative), Ct);
            return order.IsSuccessStatusCode;
        });
        return await shop.AtRestAsync(id, Ct);
    }

    private static async Task<JsonElement> UntilAsync(Shop shop, string path, Func<JsonElement, bool> holds, Func<Task<bool>>? or = null)
    {
        for (var i = 0; ; i++)
        {
            var found = path.Length == 0 ? default : await shop.Http.GetFromJsonAsync<JsonElement>(path, Ct);
            if (or is null ? holds(found) : await or())
                return found;
            Assert.True(i < 600, string.Create(CultureInfo.InvariantCulture, $"It does not come to hold within 60 s: {path} {found}\n{shop.Output}"));
            await Task.Delay(100, Ct);
        }
    }

    private static string Text(JsonElement element, string property) => element.GetProperty(property).ToString();
}
