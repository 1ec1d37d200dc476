using System.Globalization;

namespace OrderSaga.Host.Commands.Load;

/// <summary>What is to be placed, how fast, and until when.</summary>
internal sealed record LoadPlan
{
    public const string Orders = "--orders", WarmUp = "--warm-up", InFlight = "--in-flight", Rate = "--rate", Duration = "--duration", Mix = "--mix",
        Products = "--products", Price = "--price", Seed = "--seed", Patience = "--patience";

    /// <summary>The options that it is read from.</summary>
    public static readonly IReadOnlyList<string> Options = [Orders, WarmUp, InFlight, Rate, Duration, Mix, Products, Price, Seed, Patience];

    private const int UsualOrders = 1000, UsualWarmUp = 100, UsualInFlight = 100, Most = 10_000_000;

    /// <summary>How many orders are measured; without it, as many as fit into the duration.</summary>
    public int? Count { get; init; }

    /// <summary>How many go before them and are not measured.</summary>
    public int Before { get; init; }

    /// <summary>So many are under way at a time; or</summary>
    public int? AtATime { get; init; }

    /// <summary>so many become due per second, whatever becomes of those before.</summary>
    public double? PerSecond { get; init; }

    /// <summary>After which no more are placed.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>Nothing happens for so long: it is given up.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromMinutes(2);

    public required Wishes Wishes { get; init; }

    public static LoadPlan Read(Arguments arguments)
    {
        if (arguments.Option(InFlight) is not null && arguments.Option(Rate) is not null)
            throw new UsageException($"{InFlight} and {Rate} exclude each other: either so many orders are under way at a time, or so many come per second.");
        var time = arguments.Option(Duration) is { } duration ? TimeOf(Duration, duration) : (TimeSpan?)null;
        var rate = arguments.Option(Rate) is { } perSecond ? NumberOf(Rate, perSecond, 0.01m, 100_000) : (decimal?)null;
        return new()
        {
            Count = arguments.Option(Orders) is { } orders ? WholeOf(Orders, orders, 1) : time is null ? UsualOrders : null,
            Before = WholeOf(WarmUp, arguments.Option(WarmUp) ?? $"{UsualWarmUp}", 0),
            AtATime = rate is null ? WholeOf(InFlight, arguments.Option(InFlight) ?? $"{UsualInFlight}", 1) : null,
            PerSecond = (double?)rate,
            Time = time,
            Silence = arguments.Option(Patience) is { } patience ? TimeOf(Patience, patience) : TimeSpan.FromMinutes(2),
            Wishes = new(
                Weighed.Read(Mix, arguments.Option(Mix) ?? "complete"),
                Weighed.Read(Products, arguments.Option(Products) ?? "sku-apple,sku-pear,sku-plum"),
                arguments.Option(Price) is { } price ? NumberOf(Price, price, 0, 1_000_000) : null,
                WholeOf(Seed, arguments.Option(Seed) ?? "1", 0)),
        };
    }

    /// <summary>How fast, in words.</summary>
    public string Pace => AtATime is { } many
        ? $"{many} in flight"
        : string.Create(CultureInfo.InvariantCulture, $"{PerSecond:0.##} per second");

    public static int WholeOf(string option, string text, int least) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= Most
            ? number
            : throw new UsageException($"{option} is a whole number from {least} to {Most}, not '{text}'.");

    private static decimal NumberOf(string option, string text, decimal least, decimal most) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{option} is a number from {least} to {most}, not '{text}'."));

    public static TimeSpan TimeOf(string option, string text)
    {
        var unit = text.Length > 0 ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 } : 0;
        return unit > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var many) && many > 0 && many <= 86_400 / unit
            ? TimeSpan.FromSeconds(many * unit)
            : throw new UsageException($"{option} is a time such as 90s, 5m or 1h, up to a day, not '{text}'.");
    }
}

/// <summary>Names with weights, as in <c>complete=9,declined=1</c>; a name alone weighs 1.</summary>
internal sealed class Weighed
{
    private readonly IReadOnlyList<(string Name, int Weight)> all;

    private Weighed(IReadOnlyList<(string Name, int Weight)> all) => this.all = all;

    public IEnumerable<string> Names => all.Select(w => w.Name);

    public static Weighed Read(string option, string text)
    {
        var all = new List<(string Name, int Weight)>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, weight) = part.Split('=', 2) is [var before, var after] ? (before, after) : (part, "1");
            if (name.Length == 0 || !int.TryParse(weight, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 1_000_000)
                throw new UsageException($"{option} looks like a=9,b=1 with whole numbers as weights, not '{part}'.");
            if (all.Any(w => w.Name == name))
                throw new UsageException($"{option} names {name} twice.");
            all.Add((name, number));
        }

        return all.Count > 0 ? new(all) : throw new UsageException($"{option} names nothing.");
    }

    public string Draw(Random dice)
    {
        var left = dice.Next(all.Sum(w => w.Weight));
        return all.First(w => (left -= w.Weight) < 0).Name;
    }

    public override string ToString() => string.Join(',', all.Select(w => w.Weight == 1 && all.Count == 1 ? w.Name : $"{w.Name}={w.Weight}"));
}
