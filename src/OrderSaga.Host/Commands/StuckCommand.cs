using System.Text.Json;

namespace OrderSaga.Host.Commands;

/// <summary>Finishes undos that did not succeed by themselves.</summary>
internal static class StuckCommand
{
    private const string OrderId = "The order's id", Step = "The step";

    public static Task RunAsync(string[] args) => args switch
    {
        ["list", .. var rest] => ListAsync(Arguments.Read(rest, [], ["--page", ShopClient.Url], [ShopClient.Json])),
        ["retry", .. var rest] => RetryAsync(Arguments.Read(rest, [OrderId, Step], [ShopClient.Url], [ShopClient.Json])),
        ["resolve", .. var rest] => ResolveAsync(Arguments.Read(rest, [OrderId, Step], ["--reason", "--evidence", ShopClient.Url], [ShopClient.Json])),
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
        var found = await shop.GetAsync(arguments.Option("--page") is { } page ? $"ops/stuck?page={Uri.EscapeDataString(page)}" : "ops/stuck");
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
        OrdersCommand.Done(arguments, await shop.PostAsync(path));
    }

    private static async Task ResolveAsync(Arguments arguments)
    {
        var (path, proof) = (PathOf(arguments, "resolve"), new { reason = arguments.Required("--reason"), evidence = arguments.Required("--evidence") });
        using var shop = ShopClient.Of(arguments);
        OrdersCommand.Done(arguments, await shop.PostAsync(path, proof));
    }

    private static string PathOf(Arguments arguments, string action) => $"ops/stuck/{arguments.OrderId(0)}/{Uri.EscapeDataString(arguments[1])}/{action}";
}
