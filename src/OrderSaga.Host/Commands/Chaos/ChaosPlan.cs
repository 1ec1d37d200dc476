using OrderSaga.Host.Commands.Load;

namespace OrderSaga.Host.Commands.Chaos;

/// <summary>What is placed, and how long things break meanwhile.</summary>
/// <param name="Seed">What happens follows from it.</param>
/// <param name="Duration">Things break for so long, and orders come meanwhile.</param>
/// <param name="Patience">What is not well so long after all is mended stays so.</param>
/// <param name="Load">The orders.</param>
internal sealed record ChaosPlan(int Seed, TimeSpan Duration, TimeSpan Patience, LoadPlan Load)
{
    private const int MostOrders = 100_000, UsualOrders = 100;
    private const string UsualMix = "complete=12,declined=2,sold-out=2,cancelled=2,returned=2,gateway-fails=2,gateway-slow=2,gateway-lost=2,doubled=2,unheard=1,late=1,silent=1,broken=1,deadly=1,undone-late=1,stuck-once=1";
    private const string UsualProducts = "sku-apple=4,sku-pear=4,sku-last=1";

    public static readonly IReadOnlyList<string> Options = [LoadPlan.Orders, LoadPlan.Duration, LoadPlan.Mix, LoadPlan.Products, LoadPlan.Seed, LoadPlan.Patience];

    /// <summary>Of every process: short times, so that what has to time out does; faults and the clock are for Development only.</summary>
    public static readonly IReadOnlyList<string> Settings =
    [
        "--environment", "Development", "--Faults:Enabled", "true", "--Checkout:StepTime", "00:00:15", "--Checkout:UndoTime", "00:00:04", "--Checkout:LongestPause", "00:00:04",
        "--Checkout:UndoPauses:0", "00:00:00.5", "--Checkout:UndoPauses:1", "00:00:01", "--Checkout:UndoPauses:2", "00:00:02", "--Checkout:SagaTime", "00:02:00",
        "--Checkout:Steps:CheckFraud", "true", "--Payment:SimulatorSlowTime", "00:00:09",
    ];

    public static ChaosPlan Read(Arguments arguments)
    {
        var seed = arguments.Option(LoadPlan.Seed) is { } given ? LoadPlan.WholeOf(LoadPlan.Seed, given, 0) : Random.Shared.Next(1, 1_000_000);
        var duration = LoadPlan.TimeOf(LoadPlan.Duration, arguments.Option(LoadPlan.Duration) ?? "60s");
        var orders = LoadPlan.WholeOf(LoadPlan.Orders, arguments.Option(LoadPlan.Orders) ?? $"{UsualOrders}", 1);
        if (orders > MostOrders)
            throw new UsageException($"{LoadPlan.Orders} is at most {MostOrders} here.");
        var patience = LoadPlan.TimeOf(LoadPlan.Patience, arguments.Option(LoadPlan.Patience) ?? "2m");
        return new(seed, duration, patience, new()
        {
            Count = orders,
            PerSecond = orders / duration.TotalSeconds,
            // As long as things break, nobody can be blamed for silence.
            Silence = TimeSpan.MaxValue,
            Wishes = new(Weighed.Read(LoadPlan.Mix, arguments.Option(LoadPlan.Mix) ?? UsualMix), Weighed.Read(LoadPlan.Products, arguments.Option(LoadPlan.Products) ?? UsualProducts), null, seed),
        });
    }
}
