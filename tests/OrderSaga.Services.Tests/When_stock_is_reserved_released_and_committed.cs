using System.Net;
using System.Net.Http.Json;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

/// <summary>Random histories, each repeatable by its seed, against a model of a few lines and against the books.</summary>
public sealed class When_stock_is_reserved_released_and_committed(Shop shop) : IClassFixture<Shop>
{
    private const int OnHand = 6;
    private readonly Dictionary<string, int> free = [];

    /// <summary>What would be on hand if nothing had left the house.</summary>
    private readonly Dictionary<string, int> level = [];
    private readonly Dictionary<Guid, (string State, StockLine[] Lines)> orders = [];

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public async Task Should_do_what_the_model_does(int seed)
    {
        var random = new Random(seed);
        var (products, ids) = await BeginAsync();
        for (var move = 0; move < 40; move++)
        {
            var id = ids[random.Next(ids.Length)];
            var product = products[random.Next(products.Length)];
            switch (random.Next(5))
            {
                case 4:
                    var onHand = random.Next(OnHand + 3);
                    using (var set = await shop.Http.PutAsJsonAsync($"/inventory/products/{product}/stock", new { onHand }, TestContext.Current.CancellationToken))
                        Assert.Equal(SetLevel(product, onHand) ? HttpStatusCode.OK : HttpStatusCode.Conflict, set.StatusCode);
                    break;
                case 0 or 1:
                    Assert.Equal(Reserve(id), (await shop.AskAsync(new ReserveInventory(id, orders[id].Lines))).Message is InventoryReserved);
                    break;
                case 2:
                    Assert.Equal(Release(id), !((InventoryReleased)(await shop.AskAsync(new ReleaseInventory(id))).Message).NothingToUndo);
                    break;
                default:
                    Commit(id);
                    await shop.CompleteAsync(id);
                    break;
            }

            await AssertBooksBalanceAsync(products);
            foreach (var each in products)
                Assert.Equal(free[each].ToString(), await shop.ReadAsync($"SELECT on_hand - reserved FROM inventory.stock WHERE product_id = '{each}'"));
        }
    }

    [Theory]
    [InlineData(11, 4), InlineData(12, 4), InlineData(13, 4), InlineData(14, 4), InlineData(15, 6), InlineData(16, 6)]
    public async Task Should_keep_the_books_balanced_when_all_comes_at_once(int seed, int kinds)
    {
        var random = new Random(seed);
        var (products, ids) = await BeginAsync();
        await Task.WhenAll(Enumerable.Range(0, 120).Select(_ =>
        {
            var (id, onHand) = (ids[random.Next(ids.Length)], random.Next(2 * OnHand));
            return random.Next(kinds) switch
            {
                0 or 1 => shop.AskAsync(new ReserveInventory(id, orders[id].Lines)),
                2 => shop.AskAsync(new ReleaseInventory(id)),
                3 => shop.CompleteAsync(id),
                _ => shop.Http.PutAsJsonAsync($"/inventory/products/{products[random.Next(products.Length)]}/stock", new { onHand }, TestContext.Current.CancellationToken),
            };
        }));

        // Which level was set last, nobody can tell here; what is held and free has to agree all the same.
        await AssertBooksBalanceAsync(products, levelsAreKnown: kinds == 4);
    }

    private async Task<(string[] Products, Guid[] Orders)> BeginAsync()
    {
        string[] products = [await shop.StockAsync(OnHand), await shop.StockAsync(OnHand), await shop.StockAsync(OnHand)];
        foreach (var product in products)
            free[product] = level[product] = OnHand;
        // Small and big orders, of one product and of two, named in either order; some only one unit short.
        for (var i = 0; i < 9; i++)
            orders[Guid.NewGuid()] = ("", [new(products[i % 3], 1 + i % 4), .. i % 2 == 0 ? new StockLine[] { new(products[(i + 2) % 3], 1 + i / 3) } : []]);
        return (products, [.. orders.Keys]);
    }

    /// <summary>Nothing is negative, what is reserved is what orders hold, and what is gone is what they took.</summary>
    private async Task AssertBooksBalanceAsync(string[] products, bool levelsAreKnown = true)
    {
        foreach (var product in products)
            Assert.Equal("", await shop.ReadAsync($"""
                SELECT s.* FROM inventory.stock s WHERE product_id = '{product}' AND NOT (
                    reserved >= 0 AND on_hand >= reserved
                    AND reserved = (SELECT coalesce(sum(quantity), 0) FROM inventory.reservations r WHERE r.product_id = s.product_id AND status = 'PENDING')
                    AND ({!levelsAreKnown} OR on_hand = {level[product]}
                        - (SELECT coalesce(sum(quantity), 0) FROM inventory.reservations r WHERE r.product_id = s.product_id AND status = 'COMMITTED')))
                """));
    }

    private bool SetLevel(string product, int onHand)
    {
        var gone = orders.Values.Where(o => o.State == "left").SelectMany(o => o.Lines).Where(l => l.ProductId == product).Sum(l => l.Quantity);
        var held = level[product] - gone - free[product];
        if (held > onHand)
            return false;
        (level[product], free[product]) = (onHand + gone, onHand - held);
        return true;
    }

    private bool Reserve(Guid id)
    {
        var (state, lines) = orders[id];
        if (state != "")
            return state is "held" or "left" or "released";
        var fits = lines.GroupBy(l => l.ProductId).All(g => free[g.Key] >= g.Sum(l => l.Quantity));
        orders[id] = (fits ? "held" : "refused", lines);
        foreach (var line in fits ? lines : [])
            free[line.ProductId] -= line.Quantity;
        return fits;
    }

    private bool Release(Guid id)
    {
        var (state, lines) = orders[id];
        if (state == "held")
        {
            foreach (var line in lines)
                free[line.ProductId] += line.Quantity;
        }

        orders[id] = (state switch { "held" => "released", "" => "barred", _ => state }, lines);
        return state is "held" or "left" or "released";
    }

    private void Commit(Guid id)
    {
        var (state, lines) = orders[id];
        if (state == "held")
            orders[id] = ("left", lines);
    }
}
