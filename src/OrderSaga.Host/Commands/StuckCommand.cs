using System.Text.Json;

namespace OrderSaga.Host.Commands;

/// <summary>Finishes undos that did not succeed by themselves.</summary>
internal static class StuckCommand
{
    private const string OrderId = "The order's id", Step = "The step";

    private static readonly Dictionary<string, string> Filters = new() { ["--step"] = "step", ["--customer"] = "customer", ["--older-than"] = "olderThan" };

    public static Task RunAsync(string[] args) => args switch
    {
        ["list", .. var rest] => ListAsync(Arguments.Read(rest, [], [.. Filters.Keys, "--page", ShopClient.Url], [ShopClient.Json])),
        ["retry", .. var rest] when rest.Contains(BulkCommand.All) => BulkCommand.RunAsync(rest, "ops/stuck/retry", Filters),
        ["resolve", .. var rest] when rest.Contains(BulkCommand.All) => BulkCommand.RunAsync(rest, "ops/stuck/resolve", Filters, BulkCommand.Reason, BulkCommand.Evidence),
        ["retry", .. var rest] => RetryAsync(Arguments.Read(rest, [OrderId, Step], [BulkCommand.Reason, ShopClient.Url], [ShopClient.Json])),
        ["resolve", .. var rest] => ResolveAsync(Arguments.Read(rest, [OrderId, Step], [BulkCommand.Reason, BulkCommand.Evidence, ShopClient.Url], [ShopClient.Json])),
        _ => throw new UsageException("What is to be done with what is stuck? There are list, retry and resolve."),
    };

    /// <summary>The stuck undos of a list, or of an order.</summary>
    public static void Print(JsonElement found) => Output.Table(
        ["ORDER", "STEP", "UNDO IS", "SINCE", "TRIED", "CUSTOMER", "TOTAL", "ERROR"],
        found.GetProperty("stuck").EnumerateArray().Select(s =>
            (IReadOnlyList<string>)[s.Text("orderId"), s.Text("step"), s.Text("status"), s.Time("since"), s.Text("attempts"), s.Text("customer"), s.Money(), s.Text("error")]));

    private static async Task ListAsync(Arguments arguments)
    {
        using var shop = ShopClient.Of(arguments);
        var page = arguments.Option("--page") is { } given ? $"&page={Uri.EscapeDataString(given)}" : "";
        var found = await shop.GetAsync($"ops/stuck?{arguments.Question(Filters)}{page}");
        if (arguments.Has(ShopClient.Json))
            Output.Json(found);
        else if (found.GetProperty("stuck").GetArrayLength() == 0)
            Console.WriteLine("Nothing is stuck.");
        else
            Print(found);
        OrdersCommand.More(arguments, found);
    }

    private static async Task RetryAsync(Arguments arguments)
    {
        var path = PathOf(arguments, "retry");
        using var shop = ShopClient.Of(arguments);
        OrdersCommand.Done(arguments, await shop.PostAsync(path, new { reason = arguments.Option(BulkCommand.Reason) }));
    }

    private static async Task ResolveAsync(Arguments arguments)
    {
        var (path, proof) = (PathOf(arguments, "resolve"), new { reason = arguments.Required(BulkCommand.Reason), evidence = arguments.Required(BulkCommand.Evidence) });
        using var shop = ShopClient.Of(arguments);
        OrdersCommand.Done(arguments, await shop.PostAsync(path, proof));
    }

    private static string PathOf(Arguments arguments, string action) => $"ops/stuck/{arguments.OrderId(0)}/{Uri.EscapeDataString(arguments[1])}/{action}";
}
