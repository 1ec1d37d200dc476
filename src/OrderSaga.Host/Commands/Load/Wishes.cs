using System.Globalization;
using System.Text.Json.Nodes;

namespace OrderSaga.Host.Commands.Load;

/// <summary>A kind of orders.</summary>
/// <param name="Name">As it is called in a mix.</param>
/// <param name="Ends">The states in which such an order comes to rest when all is well.</param>
/// <param name="Token">What it is paid with.</param>
/// <param name="Product">What is ordered, unless it is one of those that the run is about.</param>
/// <param name="Cancels">The customer thinks better of it at once.</param>
/// <param name="Plan">What goes wrong with it on purpose: step, kind and times.</param>
internal sealed record Kind(string Name, string Ends, string Token = "tok_visa", string? Product = null, bool Cancels = false, params string[] Plan)
{
    private const string Complete = "Complete", Compensated = "Compensated", Failed = "Failed";

    public static readonly IReadOnlyList<Kind> All =
    [
        new("complete", Complete),
        new("declined", Compensated, "tok_declined"),
        new("sold-out", Compensated, Product: "sku-none"),
        // It may come too late.
        new("cancelled", $"{Complete} {Compensated}", Cancels: true),
        new("returned", Compensated, Plan: "CreateShipment refuse"),
        new("stuck", Failed, Plan: ["CreateShipment refuse", "ReserveInventory undo-throw"]),
        new("gateway-fails", Complete, "tok_error"),
        new("gateway-slow", $"{Complete} {Compensated}", "tok_slow"),
        new("gateway-lost", Complete, Plan: "Gateway crash"),
        new("doubled", Complete, Plan: ["CreateOrder duplicate", "ReserveInventory duplicate", "ChargePayment duplicate", "SendConfirmation duplicate"]),
        new("unheard", Complete, Plan: ["ReserveInventory silent 1", "SendConfirmation silent 1"]),
        new("late", Complete, Plan: "ChargePayment late 1"),
        new("silent", Compensated, Plan: "ChargePayment silent"),
        new("broken", Compensated, Plan: "ReserveInventory throw"),
        new("deadly", Complete, Plan: "ChargePayment crash 1"),
        new("undone-late", Compensated, Plan: ["CreateShipment refuse", "ChargePayment undo-throw 1", "ReserveInventory undo-silent 1"]),
        new("stuck-once", $"{Compensated} {Failed}", Plan: ["CreateShipment refuse", "ReserveInventory undo-throw 4"]),
    ];

    /// <summary>Whether such an order may come to rest in a state.</summary>
    public bool MayEnd(string state) => Ends.Split(' ').Contains(state);

    public static Kind Of(string name) => All.FirstOrDefault(k => k.Name == name) ?? throw new UsageException($"There is no ending '{name}'; there are {string.Join(", ", All.Select(k => k.Name))}.");

    /// <summary>What is posted.</summary>
    public JsonObject Order(int customer, string product, decimal? price)
    {
        var line = new JsonObject { ["productId"] = Product ?? product, ["quantity"] = 1 };
        if (price is not null)
            line["unitPrice"] = price;
        var body = new JsonObject
        {
            ["customer"] = new JsonObject { ["id"] = $"{Wishes.Customer}{customer}", ["email"] = "load@example.org" },
            ["currency"] = "EUR",
            ["lines"] = new JsonArray(line),
            ["shippingAddress"] = new JsonObject { ["name"] = "Load", ["street"] = "Road 1", ["city"] = "Town", ["postalCode"] = "12345", ["country"] = "DE" },
            ["payment"] = new JsonObject { ["token"] = Token },
        };
        if (Plan.Length > 0)
            body["faults"] = new JsonArray([.. Plan.Select(fault => Fault(fault.Split(' ')))]);
        return body;
    }

    private static JsonObject Fault(string[] words)
    {
        var fault = new JsonObject { ["step"] = words[0], ["kind"] = words[1] };
        if (words.Length > 2)
            fault["times"] = int.Parse(words[2], CultureInfo.InvariantCulture);
        return fault;
    }
}

/// <summary>An order that somebody wants.</summary>
internal sealed record Wish(Kind Kind, JsonObject Body);

/// <summary>The orders of a run, one after the other: with the same seed the same ones.</summary>
internal sealed class Wishes
{
    /// <summary>What customers of a run are called, with a number behind it.</summary>
    public const string Customer = "load-";

    private const int Customers = 1000;

    private readonly Lock turn = new();
    private readonly Weighed mix, products;
    private readonly decimal? price;
    private readonly int seed;
    private Random dice;
    private int next;

    public Wishes(Weighed mix, Weighed products, decimal? price, int seed)
    {
        (this.mix, this.products, this.price, this.seed, dice) = (mix, products, price, seed, new Random(seed));
        Plans = mix.Names.Select(Kind.Of).Any(kind => kind.Plan.Length > 0);
    }

    /// <summary>Whether some orders say what is to go wrong with them.</summary>
    public bool Plans { get; }

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
            var (kind, product) = (Kind.Of(mix.Draw(dice)), products.Draw(dice));
            return new(kind, kind.Order(next++ % Customers, product, price));
        }
    }

    /// <summary>An order with nothing special, to see whether any is taken.</summary>
    public JsonObject Plain() => Kind.All[0].Order(0, products.Names.First(), price);
}
