using System.Text.Json;

namespace OrderSaga.Host.Commands;

/// <summary>Looks at messages that could not be handled, and has them handled again, or not.</summary>
internal static class DeadLettersCommand
{
    private const string Id = "The dead letter's id", Each = "--each", Page = "--page";

    private static readonly Dictionary<string, string> Filters = new()
    {
        ["--queue"] = "queue", ["--message"] = "messageType", ["--cause"] = "cause", ["--order"] = "orderId", ["--since"] = "since", ["--status"] = "status",
    };

    public static Task RunAsync(string[] args) => args switch
    {
        ["list", .. var rest] => ListAsync(Arguments.Read(rest, [], [.. Filters.Keys, Page, ShopClient.Url], [Each, ShopClient.Json])),
        ["show", .. var rest] => ShowAsync(Arguments.Read(rest, [Id], [ShopClient.Url], [ShopClient.Json])),
        ["replay", .. var rest] when rest.Contains(BulkCommand.All) => BulkCommand.RunAsync(rest, "ops/dead-letters/replay", Filters),
        ["discard", .. var rest] when rest.Contains(BulkCommand.All) => BulkCommand.RunAsync(rest, "ops/dead-letters/discard", Filters, BulkCommand.Reason),
        ["replay", .. var rest] => DecideAsync("replay", Arguments.Read(rest, [Id], [BulkCommand.Reason, ShopClient.Url], [ShopClient.Json])),
        ["discard", .. var rest] => DecideAsync("discard", Arguments.Read(rest, [Id], [BulkCommand.Reason, ShopClient.Url], [ShopClient.Json])),
        _ => throw new UsageException("What is to be done with dead letters? There are list, show, replay and discard."),
    };

    private static async Task ListAsync(Arguments arguments)
    {
        using var shop = ShopClient.Of(arguments);
        var page = arguments.Option(Page) is { } given ? $"&page={Uri.EscapeDataString(given)}" : "";
        var found = await shop.GetAsync($"ops/dead-letters?{arguments.Question(Filters)}{page}");
        if (arguments.Has(ShopClient.Json))
            Output.Json(found);
        else if (found.GetProperty("kinds").GetArrayLength() == 0)
            Console.WriteLine("There are no such dead letters.");
        else if (arguments.Has(Each) || page.Length > 0)
        {
            Output.Table(["ID", "QUEUE", "MESSAGE", "ORDER", "AT", "TIMES", "STATUS", "CAUSE", "ERROR"], found.GetProperty("deadLetters").EnumerateArray().Select(l =>
                (IReadOnlyList<string>)[l.Text("id"), l.Text("queue"), l.Text("messageType"), l.Text("orderId"), l.Time("at"), l.Text("times"), l.Text("status"), l.Text("cause"), l.Text("error")]));
            OrdersCommand.More(arguments, found);
        }
        else
        {
            Output.Table(["COUNT", "QUEUE", "MESSAGE", "OLDEST", "LATEST", "CAUSE"], found.GetProperty("kinds").EnumerateArray().Select(k =>
                (IReadOnlyList<string>)[k.Text("count"), k.Text("queue"), k.Text("messageType"), k.Time("oldest"), k.Time("latest"), k.Text("cause")]));
            Console.WriteLine($"One by one: {Each}");
        }
    }

    private static async Task ShowAsync(Arguments arguments)
    {
        using var shop = ShopClient.Of(arguments);
        var letter = await shop.GetAsync($"ops/dead-letters/{IdOf(arguments)}");
        if (arguments.Has(ShopClient.Json))
        {
            Output.Json(letter);
            return;
        }

        Console.WriteLine($"Dead letter {letter.Text("id")}: {letter.Text("messageType")} in {letter.Text("queue")}, {letter.Text("status")}");
        Console.WriteLine($"{letter.Text("cause")}: {letter.Text("error")}");
        Console.WriteLine($"At {letter.Time("at")}, for the {letter.Text("times")}. time{(letter.Text("orderId") is { Length: > 0 } order ? $", of order {order}" : "")}");
        if (letter.Text("settledBy") is { Length: > 0 } who)
            Console.WriteLine($"Decided by {who} at {letter.Time("settledAt")}{(letter.Text("reason") is { Length: > 0 } why ? $": {why}" : "")}");
        Console.WriteLine();
        foreach (var part in new[] { "headers", "body" })
            if (letter.GetProperty(part) is { ValueKind: not JsonValueKind.Null } said)
                Output.Json(said);
        Console.WriteLine(letter.GetProperty("details").GetString());
    }

    private static async Task DecideAsync(string action, Arguments arguments)
    {
        var path = $"ops/dead-letters/{IdOf(arguments)}/{action}";
        var reason = action == "discard" ? arguments.Required(BulkCommand.Reason) : arguments.Option(BulkCommand.Reason);
        using var shop = ShopClient.Of(arguments);
        var decided = await shop.PostAsync(path, new { reason });
        if (arguments.Has(ShopClient.Json))
            Output.Json(decided);
        else
            Console.WriteLine($"Dead letter {decided.Text("id")} is {decided.Text("status")} now.");
    }

    private static Guid IdOf(Arguments arguments) => Guid.TryParse(arguments[0], out var id) ? id : throw new UsageException($"'{arguments[0]}' is no dead letter's id.");
}
