using System.Text.Json.Nodes;

namespace OrderSaga.Host.Commands.Load;

/// <summary>An order, and how it is meant to end.</summary>
/// <param name="Number">Of the orders of a run, the first is 0.</param>
/// <param name="Meant">The ending by its name in the mix.</param>
/// <param name="Body">What is posted.</param>
internal sealed record Wish(int Number, string Meant, JsonObject Body)
{
    /// <summary>The customer thinks better of it at once.</summary>
    public bool Cancels => Meant == Wishes.Cancelled;

    /// <summary>Whether it came to rest as it was meant to. A cancel may come too late.</summary>
    public bool IsMet(string state) => state == Meant switch
    {
        Wishes.Complete => "Complete",
        Wishes.Stuck => "Failed",
        Wishes.Cancelled => state == "Complete" ? state : "Compensated",
        _ => "Compensated",
    };
}

/// <summary>The orders of a run, one after the other: with the same seed the same ones.</summary>
internal sealed class Wishes
{
    public const string Complete = "complete", Declined = "declined", SoldOut = "sold-out", Cancelled = "cancelled", Returned = "returned", Stuck = "stuck";

    /// <summary>The endings that there are.</summary>
    public static readonly IReadOnlyList<string> Endings = [Complete, Declined, SoldOut, Cancelled, Returned, Stuck];

    private const int Customers = 1000;

    private readonly Lock turn = new();
    private readonly Weighed mix, products;
    private readonly decimal? price;
    private readonly int seed;
    private Random dice;
    private int next;

    public Wishes(Weighed mix, Weighed products, decimal? price, int seed)
    {
        if (mix.Names.FirstOrDefault(name => !Endings.Contains(name)) is { } unknown)
            throw new UsageException($"There is no ending '{unknown}'; there are {string.Join(", ", Endings)}.");
        (this.mix, this.products, this.price, this.seed, dice) = (mix, products, price, seed, new Random(seed));
    }

    /// <summary>Whether some orders say what is to go wrong with them.</summary>
    public bool Plans => mix.Names.Any(name => name is Returned or Stuck);

    /// <summary>What was said of them, for the report.</summary>
    public IEnumerable<(string Name, string Value)> Settings => [("mix", $"{mix}"), ("products", $"{products}"), ("seed", $"{seed}")];

    /// <summary>Begins anew, so that what was placed before counting does not change what is counted.</summary>
    public void Restart()
    {
        lock (turn)
            (dice, next) = (new Random(seed), 0);
    }

    public Wish Next()
    {
        lock (turn)
        {
            var (meant, product) = (mix.Draw(dice), products.Draw(dice));
            return new(next, meant, Body(next++, meant, product));
        }
    }

    /// <summary>An order with nothing special, to see whether any is taken.</summary>
    public JsonObject Plain() => Body(0, Complete, products.Names.First());

    private JsonObject Body(int number, string meant, string product)
    {
        var line = new JsonObject { ["productId"] = meant == SoldOut ? "sku-none" : product, ["quantity"] = 1 };
        if (price is not null)
            line["unitPrice"] = price;
        var body = new JsonObject
        {
            ["customer"] = new JsonObject { ["id"] = $"load-{number % Customers}", ["email"] = "load@example.org" },
            ["currency"] = "EUR",
            ["lines"] = new JsonArray(line),
            ["shippingAddress"] = new JsonObject { ["name"] = "Load", ["street"] = "Road 1", ["city"] = "Town", ["postalCode"] = "12345", ["country"] = "DE" },
            ["payment"] = new JsonObject { ["token"] = meant == Declined ? "tok_declined" : "tok_visa" },
        };
        if (meant is Returned or Stuck)
            body["faults"] = new JsonArray(
                [new JsonObject { ["step"] = "CreateShipment", ["kind"] = "refuse" }, .. meant == Stuck ? [new JsonObject { ["step"] = "ReserveInventory", ["kind"] = "undo-throw" }] : Array.Empty<JsonNode>()]);
        return body;
    }
}
