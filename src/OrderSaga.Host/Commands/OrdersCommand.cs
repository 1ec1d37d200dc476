using System.Text.Json;

namespace OrderSaga.Host.Commands;

/// <summary>Looks at orders of a shop that runs, and cancels or holds them.</summary>
internal static class OrdersCommand
{
    // What narrows the list, and its name on the wire.
    private static readonly Dictionary<string, string> Filters = new()
    {
        ["--state"] = "state", ["--status"] = "status", ["--older-than"] = "olderThan", ["--step"] = "step", ["--customer"] = "customer", ["--paused"] = "paused", ["--archived"] = "archived", ["--page"] = "page",
    };

    private static readonly Dictionary<string, string> BulkFilters = Filters.Where(f => f.Key is not ("--status" or "--paused" or "--archived" or "--page")).ToDictionary();

    public static Task RunAsync(string[] args) => args switch
    {
        ["list", .. var rest] => ListAsync(Arguments.Read(rest, [], [.. Filters.Keys, ShopClient.Url], [ShopClient.Json])),
        ["show", .. var rest] => ShowAsync(Arguments.Read(rest, ["The order's id"], [ShopClient.Url], [ShopClient.Json])),
        [("cancel" or "pause" or "resume") and var action, .. var rest] => rest.Contains(BulkCommand.All)
            ? BulkCommand.RunAsync(rest, $"ops/orders/{action}", BulkFilters)
            : ActAsync(action, Arguments.Read(rest, ["The order's id"], [BulkCommand.Reason, ShopClient.Url], [ShopClient.Json])),
        _ => throw new UsageException("What is to be done with orders? There are list, show, cancel, pause and resume."),
    };

    private static async Task ListAsync(Arguments arguments)
    {
        using var shop = ShopClient.Of(arguments);
        var found = await shop.GetAsync($"ops/orders?{arguments.Question(Filters)}");
        if (arguments.Has(ShopClient.Json))
            Output.Json(found);
        else if (found.GetProperty("orders").GetArrayLength() == 0)
            Console.WriteLine("There are no such orders.");
        else
            Output.Table(["ORDER", "STATUS", "STATE", "STARTED", "WAITS FOR", "CUSTOMER", "TOTAL"], found.GetProperty("orders").EnumerateArray().Select(o =>
                (IReadOnlyList<string>)[o.Text("orderId"), o.Text("status"), o.Text("state"), o.Time("startedAt"), WaitsFor(o), o.Text("customer"), o.Money()]));
        More(arguments, found);
    }

    private static async Task ShowAsync(Arguments arguments)
    {
        var id = arguments.OrderId(0);
        using var shop = ShopClient.Of(arguments);
        var order = await shop.GetAsync($"ops/orders/{id}");
        if (arguments.Has(ShopClient.Json))
        {
            Output.Json(order);
            return;
        }

        Console.WriteLine($"Order {order.Text("orderId")} of {order.Text("customer")}: {order.Text("state")} ({order.Text("status")}){(order.Text("reason") is { Length: > 0 } reason ? $", {reason}" : "")}");
        Console.WriteLine($"Started {order.Time("startedAt")}, {(order.Time("endedAt") is { Length: > 0 } ended ? $"ended {ended}" : $"waits for {WaitsFor(order)}")}{(order.Money() is { Length: > 0 } money ? $", {money}" : "")}");
        Console.WriteLine();
        Output.Table(["STEP", "STATUS", "ASKED"], order.GetProperty("steps").EnumerateArray().Select(s => (IReadOnlyList<string>)[s.Text("step"), s.Text("status"), s.Text("attempts")]));
        if (order.GetProperty("stuck").GetArrayLength() > 0)
        {
            Console.WriteLine();
            StuckCommand.Print(order);
        }

        Console.WriteLine();
        Output.Table(["AT", "STEP", "", "SAID", "ASKS", "MS", "BY", "WHY"], order.GetProperty("log").EnumerateArray().Select(e =>
            (IReadOnlyList<string>)[e.Time("at"), e.Text("step"), e.Text("direction"), e.Text("status"), e.Text("asks"), e.Text("durationMs").Split('.')[0], e.Text("actor"), e.Text("error")]));
    }

    private static async Task ActAsync(string action, Arguments arguments)
    {
        var id = arguments.OrderId(0);
        using var shop = ShopClient.Of(arguments);
        Done(arguments, await shop.PostAsync($"ops/orders/{id}/{action}", new { reason = arguments.Option(BulkCommand.Reason) }));
    }

    /// <summary>Prints what was decided.</summary>
    public static void Done(Arguments arguments, JsonElement decided)
    {
        if (arguments.Has(ShopClient.Json))
            Output.Json(decided);
        else
            Console.WriteLine(decided.Text("outcome") == "ignored"
                ? $"Order {decided.Text("orderId")} is {decided.Text("state")} already: nothing was changed."
                : $"Order {decided.Text("orderId")}: {decided.Text("outcome")}; it is {decided.Text("state")} now.");
    }

    /// <summary>Says how to see what did not fit on the page.</summary>
    public static void More(Arguments arguments, JsonElement found)
    {
        if (!arguments.Has(ShopClient.Json) && found.Text("next") is { Length: > 0 } next)
            Console.WriteLine($"There are more: --page {next}");
    }

    private static string WaitsFor(JsonElement order) =>
        order.Text("waitsFor") is not { Length: > 0 } action ? ""
        : order.Text("pausedAt").Length > 0 ? $"{action} (paused)"
        : order.Text("attempt") is "0" or "1" ? action
        : $"{action} ({order.Text("attempt")}. time)";
}
