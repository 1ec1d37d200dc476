using System.Text.Json;

namespace OrderSaga.Host.Commands;

/// <summary>Has the shop do something to all that filters find, call by call, and says how far it is.</summary>
internal static class BulkCommand
{
    /// <summary>All is meant, or all that the filters find.</summary>
    public const string All = "--all", DryRun = "--dry-run", Reason = "--reason", Evidence = "--evidence";

    // A call takes seconds; so often it is said how far it is.
    private const int MostInACall = 200;

    /// <param name="args">What was written behind the command.</param>
    /// <param name="path">Where it is asked for.</param>
    /// <param name="filters">Options, and the filters that they are on the wire.</param>
    /// <param name="texts">Options that have to be given of what is said about it.</param>
    public static async Task RunAsync(IReadOnlyList<string> args, string path, IReadOnlyDictionary<string, string> filters, params string[] texts)
    {
        var arguments = Arguments.Read(args, [], [.. filters.Keys, Reason, Evidence, ShopClient.Url], [All, DryRun, ShopClient.Json]);
        foreach (var text in texts)
            arguments.Required(text);
        using var shop = ShopClient.Of(arguments);
        var question = arguments.Question(filters);
        var (matched, done, refused, failed, page, failures) = (-1, 0, 0, 0, "", new List<JsonElement>());
        JsonElement said;
        do
        {
            said = await shop.PostAsync($"{path}?{question}{(page.Length > 0 ? $"&page={Uri.EscapeDataString(page)}" : "")}", new
            {
                reason = arguments.Option(Reason), evidence = arguments.Option(Evidence), dryRun = arguments.Has(DryRun), all = true, most = MostInACall,
            });
            matched = matched < 0 ? Number(said, "matched") : matched;
            (done, refused, failed, page) = (done + Number(said, "done"), refused + Number(said, "refused"), failed + Number(said, "failed"), said.Text("next"));
            failures.AddRange(said.GetProperty("failures").EnumerateArray());
            if (!arguments.Has(DryRun))
                await Console.Error.WriteLineAsync($"{done + refused + failed} of {matched}: {done} done, {refused} refused, {failed} failed");
        }
        while (page.Length > 0 && said.Text("stopped") is "" or "time");
        var left = Math.Max(0, matched - done - refused - failed);
        if (arguments.Has(ShopClient.Json))
            Output.Json(new { matched, dryRun = arguments.Has(DryRun), done, refused, failed, left, failures });
        else if (arguments.Has(DryRun))
            Console.WriteLine($"It would be done to {matched}.");
        else
            Tell(done, refused, failed, left, failures);
        if (failed > 0 || said.Text("stopped") is not ("" or "time"))
            throw new CommandException($"It stopped ({said.Text("stopped")}): {left} were not tried. Mend what fails, and begin again.");
    }

    private static void Tell(int done, int refused, int failed, int left, List<JsonElement> failures)
    {
        Console.WriteLine($"{done} done, {refused} refused, {failed} failed, {left} not tried.");
        if (failures.Count > 0)
            Output.Table(["ID", "STEP", "WHY"], failures.Select(f => (IReadOnlyList<string>)[f.Text("id"), f.Text("step"), f.Text("why")]));
    }

    private static int Number(JsonElement said, string property) => said.GetProperty(property).GetInt32();
}
