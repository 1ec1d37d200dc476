namespace OrderSaga.Host.Commands;

/// <summary>Which alerts there were, and whether they arrived.</summary>
internal static class AlertsCommand
{
    private static readonly Dictionary<string, string> Filters = new() { ["--state"] = "state", ["--order"] = "orderId", ["--page"] = "page" };

    public static Task RunAsync(string[] args) => args switch
    {
        ["list", .. var rest] => ListAsync(Arguments.Read(rest, [], [.. Filters.Keys, ShopClient.Url], [ShopClient.Json])),
        ["resend", .. var rest] => ResendAsync(Arguments.Read(rest, ["The alert's id"], [ShopClient.Url], [ShopClient.Json])),
        _ => throw new UsageException("What is to be done with alerts? There are list and resend."),
    };

    private static async Task ListAsync(Arguments arguments)
    {
        using var shop = ShopClient.Of(arguments);
        var found = await shop.GetAsync($"ops/alerts?{arguments.Question(Filters)}");
        if (arguments.Has(ShopClient.Json))
            Output.Json(found);
        else if (found.GetProperty("alerts").GetArrayLength() == 0)
            Console.WriteLine("There are no such alerts.");
        else
            Output.Table(["ID", "AT", "STATE", "TRIES", "ORDER", "ALERT", "ERROR"], found.GetProperty("alerts").EnumerateArray().Select(a =>
                (IReadOnlyList<string>)[a.Text("id"), a.Time("at"), a.Text("state"), a.Text("tries"), a.Text("orderId"), a.Text("alert"), a.Text("error")]));
        OrdersCommand.More(arguments, found);
    }

    private static async Task ResendAsync(Arguments arguments)
    {
        if (!Guid.TryParse(arguments[0], out var id))
            throw new UsageException($"'{arguments[0]}' is no alert's id.");
        using var shop = ShopClient.Of(arguments);
        var alert = await shop.PostAsync($"ops/alerts/{id}/resend");
        if (arguments.Has(ShopClient.Json))
            Output.Json(alert);
        else
            Console.WriteLine($"Alert {id} is sent again.");
    }
}
