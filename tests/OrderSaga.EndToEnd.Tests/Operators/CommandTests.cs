using System.Text.Json;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests.Operators;

/// <summary>The built program's commands against a shop that runs.</summary>
[Collection(nameof(OperatedShop))]
public class When_the_command_line_is_used(OperatedShop shop)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_list_and_show_orders_to_people_and_programs()
    {
        var list = await RunAsync("orders", "list", "--customer", "c-complete", "--status=completed");
        Assert.Equal((0, ""), (list.ExitCode, list.Error));
        var lines = list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["ORDER", "STATUS", "STATE", "STARTED", "WAITS", "FOR", "CUSTOMER", "TOTAL"], lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"{shop.Complete}  Completed  Complete  20", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("c-complete  3.99 EUR", lines[1], StringComparison.Ordinal);
        Assert.Equal(lines[0].IndexOf("CUSTOMER", StringComparison.Ordinal), lines[1].IndexOf("c-complete", StringComparison.Ordinal));

        var json = await RunAsync("orders", "list", "--customer", "c-complete", "--json");
        Assert.Equal(JsonSerializer.Serialize(await shop.GetAsync("/ops/orders?customer=c-complete")), JsonSerializer.Serialize(JsonElement.Parse(json.Output)));
        Assert.Equal("There are no such orders.\n", (await RunAsync("orders", "list", "--older-than", "1d")).Output);

        var shown = await RunAsync("orders", "show", $"{shop.Stuck[2]}");
        Assert.Equal((0, ""), (shown.ExitCode, shown.Error));
        Assert.Contains($"Order {shop.Stuck[2]} of c-stuck: Failed (NeedsAttention), FAULT_PLAN", shown.Output, StringComparison.Ordinal);
        Assert.Matches("ReserveInventory +stuck ", shown.Output);
        Assert.Matches("CreateShipment +do +refused +ReleasePrice|CreateShipment +do +refused +RefundPayment", shown.Output);
        Assert.Equal("Failed", JsonElement.Parse((await RunAsync("orders", "show", $"{shop.Stuck[2]}", "--json")).Output).Text("state"));
    }

    [Fact]
    public async Task Should_cancel_an_order()
    {
        var id = await shop.WaitingAsync();
        var cancelled = await RunAsync("orders", "cancel", $"{id}", "--reason", "TEST");
        Assert.Equal((0, "", $"Order {id}: cancelled; it is Compensating now.\n"), (cancelled.ExitCode, cancelled.Error, cancelled.Output));
        await shop.UntilAsync(id, order => order.Text("state") == "Compensated");
        var again = await RunAsync("orders", "cancel", $"{id}");
        Assert.Equal((0, $"Order {id} is Compensated already: nothing was changed.\n"), (again.ExitCode, again.Output));
        var complete = await RunAsync("orders", "cancel", $"{shop.Complete}");
        Assert.Equal((1, "", "That is not possible as the order stands. The order is complete.\n"), (complete.ExitCode, complete.Output, complete.Error));
        Assert.Equal(1, (await RunAsync("orders", "show", $"{Guid.NewGuid()}")).ExitCode);
    }

    [Fact]
    public async Task Should_finish_what_is_stuck()
    {
        var id = shop.Stuck[3];
        Assert.Matches($"{id}  ReserveInventory  stuck +20", (await RunAsync("stuck", "list")).Output);
        Assert.Contains(id, JsonElement.Parse((await RunAsync("stuck", "list", "--json")).Output).Ids("stuck"));
        var retried = await RunAsync("stuck", "retry", $"{id}", "reserveinventory");
        Assert.Equal((0, ""), (retried.ExitCode, retried.Error));
        await shop.UntilAsync(id, order => order.Text("state") == "Compensated");
        var resolved = await RunAsync("stuck", "resolve", $"{id}", "ReserveInventory", "--reason", "counted", "--evidence", "list");
        Assert.Equal((1, "That is not possible as the order stands. The undo of ReserveInventory is not stuck.\n"), (resolved.ExitCode, resolved.Error));
    }

    [Theory]
    [InlineData("There is no option --stat here", "orders", "list", "--stat", "x")]
    [InlineData("--state needs a value", "orders", "list", "--state")]
    [InlineData("--json takes no value", "orders", "list", "--json=yes")]
    [InlineData("--page is there twice", "orders", "list", "--page", "1", "--page", "2")]
    [InlineData("'now' is too much", "orders", "list", "now")]
    [InlineData("list, show, cancel, pause and resume", "orders", "hold")]
    [InlineData("The order's id is missing", "orders", "pause")]
    [InlineData("There is no option --status here", "orders", "cancel", "--all", "--status", "Failed")]
    [InlineData("'seven' is too much", "stuck", "retry", "--all", "seven")]
    [InlineData("--evidence is missing", "stuck", "resolve", "--all", "--reason", "x")]
    [InlineData("--reason is missing", "dead-letters", "discard", "--all", "--queue", "payment")]
    [InlineData("'seven' is no dead letter's id", "dead-letters", "show", "seven")]
    [InlineData("list, show, replay and discard", "dead-letters")]
    [InlineData("list and resend", "alerts", "send")]
    [InlineData("The order's id is missing", "orders", "show")]
    [InlineData("'seven' is no order's id", "orders", "show", "seven")]
    [InlineData("--evidence is missing", "stuck", "resolve", "7d9a3c1e-0000-0000-0000-000000000000", "ChargePayment", "--reason", "x")]
    [InlineData("--url must look like", "orders", "list", "--url", "shop")]
    [InlineData("There is no option --jsn here", "check", "--jsn")]
    [InlineData("There is no option --sript here", "migrate", "--sript")]
    [InlineData("There is no option --cell here", "diagram", "--cell")]
    [InlineData("There is no command 'order'", "order", "list")]
    public async Task Should_say_what_is_wrong_with_a_command(string says, params string[] command)
    {
        var run = await Command.RunAsync(shop.Place.Folder, command, Ct);
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Should_help_with_examples()
    {
        var whole = (await Command.RunAsync(shop.Place.Folder, ["help"], Ct)).Output;
        foreach (var command in new[] { "run", "check", "orders", "stuck", "dead-letters", "alerts", "load", "chaos", "migrate", "diagram" })
        {
            Assert.Contains($"ordersaga {(command == "run" ? "[run]" : command)}", whole, StringComparison.Ordinal);
            var help = await Command.RunAsync(shop.Place.Folder, command == "stuck" ? ["stuck", "retry", "--help"] : ["help", command], Ct);
            Assert.Equal((0, ""), (help.ExitCode, help.Error));
            Assert.Contains($"\n  ordersaga{(command == "run" ? "" : $" {command}")}", help.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Should_say_that_it_needs_a_key_or_a_shop()
    {
        var url = shop.Shop.Http.BaseAddress!.ToString();
        var keyless = await Command.RunAsync(shop.Place.Folder, ["orders", "list", "--url", url], Ct);
        Assert.Equal((1, ""), (keyless.ExitCode, keyless.Output));
        Assert.Contains("Ops__ApiKey", keyless.Error, StringComparison.Ordinal);
        var wrong = await Command.RunAsync(shop.Place.Folder, ["stuck", "list", "--url", url], Ct, ("Ops__ApiKey", "the-key-of-eve"));
        Assert.Equal(1, wrong.ExitCode);
        Assert.DoesNotContain("the-key-of-eve", wrong.Error, StringComparison.Ordinal);
        var nobody = await Command.RunAsync(shop.Place.Folder, ["orders", "list", "--url", "http://127.0.0.1:1"], Ct);
        Assert.Equal(1, nobody.ExitCode);
        Assert.StartsWith("No shop answers at http://127.0.0.1:1/", nobody.Error, StringComparison.Ordinal);
        Assert.Single(nobody.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Should_check_that_everything_is_there()
    {
        var check = await Command.RunAsync(shop.Place.Folder, ["check", .. shop.Place.Arguments], Ct);
        Assert.Equal((0, ""), (check.ExitCode, check.Error));
        Assert.DoesNotContain("FAILED", check.Output, StringComparison.Ordinal);
        foreach (var name in Contexts.All.Select(c => $"database of {Contexts.SchemaOf(c.Name)}").Append("broker at"))
            Assert.Matches($"ok +{name}", check.Output);
    }

    [Fact]
    public async Task Should_check_what_is_wrong_and_say_what_helps()
    {
        await using var older = await TestDatabase.CreateAsync();
        Assert.Equal(0, (await Command.RunAsync(shop.Place.Folder, ["migrate", "--Database:Provider", "Postgres", "--Database:ConnectionString", older.ConnectionString], Ct)).ExitCode);
        await using (var command = older.Source.CreateCommand("DELETE FROM checkout.migrations_history WHERE \"MigrationId\" = (SELECT max(\"MigrationId\") FROM checkout.migrations_history); DROP SCHEMA inventory CASCADE; INSERT INTO pricing.migrations_history VALUES ('20990101000000_Later', '99.0.0')"))
            await command.ExecuteNonQueryAsync(Ct);
        var check = await Command.RunAsync(shop.Place.Folder, ["check", "--json", .. shop.Place.Arguments, "--Database:ConnectionString", older.ConnectionString,
            "--Database:shipping:ConnectionString", "Host=127.0.0.1;Port=1;Database=d;Username=u;Password=secret", "--Transport:Uri", "amqp://nobody:secret@" + new Uri(shop.Place.Arguments[^1]).Authority.Split('@')[^1] + "/x",
            "--Payment:GatewayUrl", "http://127.0.0.1:1"], Ct);
        Assert.Equal(1, check.ExitCode);
        Assert.DoesNotContain("secret", check.Output + check.Error, StringComparison.Ordinal);
        var checks = JsonElement.Parse(check.Output).GetProperty("checks").EnumerateArray().ToDictionary(c => c.Text("name")!.Split(" at ")[0], c => (Ok: c.GetProperty("ok").GetBoolean(), Says: $"{c.Text("detail")} {c.Text("remedy")}"));
        Assert.Contains("migrate", checks["database of inventory"].Says, StringComparison.Ordinal);
        Assert.Contains("Database:shipping:ConnectionString", checks["database of shipping"].Says, StringComparison.Ordinal);
        Assert.Contains("user or password", checks["broker"].Says, StringComparison.Ordinal);
        Assert.Contains("Payment:GatewayUrl", checks["payment gateway"].Says, StringComparison.Ordinal);
        Assert.Equal((true, "changed by a newer version (20990101000000_Later) "), checks["database of pricing"]);
        Assert.Contains("older version", checks["database of checkout"].Says, StringComparison.Ordinal);
        Assert.Equal(["broker", "database of checkout", "database of inventory", "database of shipping", "payment gateway"], checks.Where(c => !c.Value.Ok).Select(c => c.Key).Order());
        Assert.Equal($"5 of {checks.Count} checks failed.\n", check.Error);

        var settings = await Command.RunAsync(shop.Place.Folder, ["check", "--Transport:Kind", "Pigeon"], Ct);
        Assert.Equal(1, settings.ExitCode);
        Assert.Contains("InMemory or RabbitMq", settings.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_check_the_embedded_database_whether_it_runs_or_not()
    {
        await using var place = await Place.OfAsync("embedded");
        var before = await Command.RunAsync(place.Folder, ["check"], Ct);
        Assert.Equal((0, ""), (before.ExitCode, before.Error));
        Assert.Contains("is started with the shop", before.Output, StringComparison.Ordinal);
        await using var running = await Shop.StartAsync(place, Ct);
        var check = await Command.RunAsync(place.Folder, ["check"], Ct);
        Assert.Equal((0, ""), (check.ExitCode, check.Error));
        Assert.Matches("ok +database of checkout +current", check.Output);
    }

    private Task<Command> RunAsync(params string[] command) =>
        Command.RunAsync(shop.Place.Folder, [.. command, "--url", shop.Shop.Http.BaseAddress!.ToString()], Ct, ("Ops__ApiKey", OperatedShop.Key));
}
