using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host;

namespace OrderSaga.EndToEnd.Tests;

public class When_the_program_starts
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_say_what_it_started_and_stop_cleanly()
    {
        await using var place = new EmbeddedPlace();
        await using var shop = await Shop.StartAsync(place, Ct);
        Assert.Contains("Database: PostgreSQL", shop.Output, StringComparison.Ordinal);
        Assert.Contains("Transport: in memory", shop.Output, StringComparison.Ordinal);
        Assert.Contains("Roles: orchestrator, web, orders, inventory, pricing, payment, shipping, notification", shop.Output, StringComparison.Ordinal);
        Assert.Equal(0, await shop.StopAsync());
        Assert.False(File.Exists(Path.Combine(place.Folder, ".ordersaga", "postgres", "data", "postmaster.pid")), "The database was left running.");
    }

    [Fact]
    public async Task Should_say_that_another_one_runs_in_the_folder()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct);
        var (code, output) = await Shop.FailToStartAsync(place, Ct);
        Assert.Equal(1, code);
        Assert.Contains(Path.Combine(place.Folder, ".ordersaga"), output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_make_the_schemas_once_when_two_start_at_once_and_only_look_at_them_later()
    {
        await using var place = await ServersPlace.EmptyAsync();
        var both = await Task.WhenAll(Shop.StartAsync(place, Ct), Shop.StartAsync(place, Ct));
        await using (var one = both[0])
        await using (var other = both[1])
        {
            var lines = $"{one.Output}\n{other.Output}".Split('\n');
            Assert.Equal(Contexts.All.Select(c => Contexts.SchemaOf(c.Name)).Order(), lines.Where(l => l.Contains("Made the schema", StringComparison.Ordinal)).Select(l => l.Split(' ')[^1]).Order());
            Assert.DoesNotContain(lines, l => l.Contains("Microsoft.EntityFrameworkCore", StringComparison.Ordinal));
            Assert.Equal(5, await place.ScalarAsync<long>("SELECT count(*) FROM inventory.stock"));
            using var response = await other.PlaceAsync(Shop.Order(), wait: 30, ct: Ct);
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        }

        await using var next = await Shop.StartAsync(place, Ct);
        Assert.DoesNotContain("the schema", next.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_that_a_schema_was_made_before_there_were_migrations()
    {
        await using var place = await Place.OfAsync("servers");
        await using (var shop = await Shop.StartAsync(place, Ct))
            Assert.Equal(0, await shop.StopAsync());
        await place.ScalarAsync<int>("DROP TABLE checkout.migrations_history; SELECT 1");
        var (code, output) = await Shop.FailToStartAsync(place, Ct);
        Assert.Equal(1, code);
        Assert.Contains("The schema checkout has tables but no history of migrations", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_start_with_one_warning_on_a_schema_that_a_newer_version_has_changed()
    {
        await using var place = await Place.OfAsync("servers");
        await using (var shop = await Shop.StartAsync(place, Ct))
            Assert.Equal(0, await shop.StopAsync());
        await place.ScalarAsync<int>("INSERT INTO checkout.migrations_history VALUES ('20990101000000_Later', '99.0.0'); SELECT 1");
        await using var older = await Shop.StartAsync(place, Ct);
        var warning = Assert.Single(older.Output.Split('\n'), l => l.Contains("warn: ", StringComparison.Ordinal));
        Assert.Contains("A newer version has changed the schema checkout (20990101000000_Later)", warning, StringComparison.Ordinal);
    }

    // Each write of the database's would wake the process.
    [Fact]
    public async Task Should_not_be_told_of_what_changes_in_its_database()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct);
        using var stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%i", Path.Combine(place.Folder, ".ordersaga", "postgres", "data")]) { RedirectStandardOutput = true })!;
        var data = long.Parse(await stat.StandardOutput.ReadToEndAsync(Ct), CultureInfo.InvariantCulture);
        var told = shop.ToldOf;
        Assert.NotEmpty(told);
        Assert.DoesNotContain(data, told);
    }

    [Fact]
    public async Task Should_read_the_switches_of_steps_again_when_its_file_changes()
    {
        await using var place = await Place.OfAsync("embedded");
        var file = Path.Combine(place.Folder, "appsettings.json");
        await File.WriteAllTextAsync(file, """{ "Checkout": { "Steps": { "CreateShipment": false } } }""", Ct);
        await using var shop = await Shop.StartAsync(place, Ct);
        Assert.Equal("skipped", await ShipmentAsync(shop));
        await File.WriteAllTextAsync(file, """{ "Checkout": { "Steps": { "CreateShipment": true } } }""", Ct);
        for (var i = 0; await ShipmentAsync(shop) != "done"; i++)
        {
            Assert.True(i < 100, "The change is not seen.");
            await Task.Delay(100, Ct);
        }

        // What cannot be read changes nothing, and is reported.
        await File.WriteAllTextAsync(file, """{ "Checkout": { "Steps": { "CreateShipment": "perhaps" } } }""", Ct);
        var reported = shop.SaysAsync("Checkout:Steps:CreateShipment", Ct);
        do
            Assert.Equal("done", await ShipmentAsync(shop));
        while (!reported.IsCompleted);
        await reported;
        Assert.Equal("done", await ShipmentAsync(shop));
    }

    private static async Task<string?> ShipmentAsync(Shop shop)
    {
        using var response = await shop.PlaceAsync(Shop.Order(), wait: 30, ct: Ct);
        var order = await response.Content.ReadFromJsonAsync<JsonElement>(Ct);
        return order.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("step").GetString() == "CreateShipment").GetProperty("status").GetString();
    }

    [Theory]
    [InlineData("Roles", "orchestrator,warehouse", "warehouse")]
    [InlineData("Roles", "web", "RabbitMq")]
    [InlineData("Database:Provider", "Oracle", "Embedded or Postgres")]
    [InlineData("Transport:Kind", "Pigeon", "InMemory or RabbitMq")]
    [InlineData("Transport:Kind", "RabbitMq", "Transport:Uri")]
    [InlineData("Database:Provider", "Postgres", "Database:ConnectionString")]
    [InlineData("Database:Provider", "SqlServer", "Database:ConnectionString")]
    [InlineData("Database:SqlServer:MaxBatchSize", "0", "1 to 1000")]
    [InlineData("Database:SqlServer:MaxBatchSize", "many", "MERGE")]
    [InlineData("Checkout:UndoTime", "00:00:01", "must exceed")]
    [InlineData("Checkout:UndoTime", "soon", "00:01:00")]
    [InlineData("Checkout:Steps:ChargePayment", "false", "WrapGift")]
    [InlineData("Checkout:StepTimes:ChargePaiment", "00:01:00", "ChargePayment")]
    [InlineData("Checkout:SagaTime", "00:00:30", "00:01:00")]
    [InlineData("Checkout:Retention", "00:59:00", "01:00:00")]
    [InlineData("Checkout:LogRetention", "1.23:00:00", "a day longer")]
    [InlineData("Checkout:Asks", "0", "1 to 100")]
    [InlineData("Checkout:Aks", "3", "Aks")]
    [InlineData("Inventory:Pending", "Perhaps", "FailFast or Wait")]
    [InlineData("Inventory:Pending", "7", "FailFast or Wait")]
    [InlineData("Inventory:PendingTime", "00:00:00", "longer than nothing")]
    [InlineData("Inventory:PendingTime", "soon", "00:00:15")]
    [InlineData("Inventory:Pend", "Wait", "Pend")]
    [InlineData("Payment:GatewayUrl", "simulator", "https://")]
    [InlineData("Payment:GatewayUrl", "ftp://payments.example.org", "leave it out for the simulator")]
    [InlineData("Payment:GatewayUri", "https://payments.example.org", "Payment:GatewayUrl")]
    [InlineData("Payment:SimulatorSlowTime", "soon", "00:01:10")]
    [InlineData("Ops:ApiKey", "", "visible characters")]
    [InlineData("Ops:ApiKey", "a key", "leave it out")]
    [InlineData("Ops:Actors", "ann", "ann:KEY,bob:KEY")]
    [InlineData("Ops:Actors", "ann:key,", "ann:KEY,bob:KEY")]
    [InlineData("Ops:Readers", "ann:", "ann:KEY,bob:KEY")]
    [InlineData("Ops:Readers", "ann:key,bob:key", "a key of its own")]
    [InlineData("Ops:Key", "key", "Ops:ApiKey")]
    [InlineData("Web:OrdersPerSecond", "-1", "0 for any number")]
    [InlineData("Web:RequestsPerSecond", "many", "whole numbers")]
    [InlineData("Web:EventStreams", "0", "at least 1")]
    [InlineData("Web:Heartbeat", "00:00:00", "from 00:00:01")]
    [InlineData("Web:Proxies", "10.0.0.7, everybody", "10.0.0.0/24")]
    [InlineData("Web:OrdersPerMinute", "60", "OrdersPerMinute")]
    [InlineData("Databse:Provider", "Postgres", "'Database' may be meant")]
    [InlineData("Cehckout:StepTime", "00:01:00", "'Checkout' may be meant")]
    [InlineData("Role", "web", "'Roles' may be meant")]
    [InlineData("Checkout:StepTme", "00:01:00", "Checkout:StepTime may be meant")]
    [InlineData("Checkout:UndoPauses", "2", "Checkout:UndoPauses:0")]
    [InlineData("Database:Conection", "secret", "the keys are Database:Provider")]
    [InlineData("Database:ConectionString", "secret", "Database:ConnectionString may be meant")]
    [InlineData("Database:Payments:ConnectionString", "secret", "Database:payment may be meant")]
    [InlineData("Database:payment:ConnectionStrings", "secret", "Database:payment:ConnectionString may be meant")]
    [InlineData("Database:SqlServer:BatchSize", "1", "Database:SqlServer:MaxBatchSize")]
    [InlineData("Database:Embedded:Programs", "nowhere", "Fetched")]
    [InlineData("Transport:Url", "secret", "Transport:Uri may be meant")]
    [InlineData("Faults:Enable", "true", "Faults:Enabled may be meant")]
    [InlineData("Faults:Enabled", "perhaps", "true or false")]
    [InlineData("Alerts:Webhook", "nowhere", "https://alerts.example.org/hook")]
    [InlineData("Alerts:Secret", "a secret of nobody", "together, or neither")]
    [InlineData("Alerts:Webhok", "https://alerts.example.org/hook", "Alerts:Webhook may be meant")]
    [InlineData("Shipping:PackingTime", "-00:00:01", "00:00:00")]
    [InlineData("Shipping:SlotCapacity", "0", "at least one")]
    [InlineData("Shipping:SlotDays", "366", "1 to 365")]
    public void Should_refuse_a_wrong_setting_in_a_sentence(string key, string value, string says)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build();
        var error = Assert.Throws<SettingsException>(() => Settings.Read(configuration));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Contains(key.Split(':')[0], error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_name_everything_that_is_wrong_at_once()
    {
        Dictionary<string, string?> values = new() { ["Roles"] = "warehouse", ["Database:Provider"] = "Oracle", ["Transport:Kind"] = "Pigeon", ["Checkout:Asks"] = "0", ["Inventory:Pend"] = "x", ["Shiping:SlotDays"] = "1" };
        var error = Assert.Throws<SettingsException>(() => Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build()));
        Assert.All(values.Keys, key => Assert.Contains($"{key} is", error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Should_leave_the_variables_of_others_alone()
    {
        const string Name = "TRANSPORTS";
        Environment.SetEnvironmentVariable(Name, "bus");
        try
        {
            Settings.Read(new ConfigurationBuilder().AddEnvironmentVariables().Build());
        }
        finally
        {
            Environment.SetEnvironmentVariable(Name, null);
        }
    }

    [Theory]
    [InlineData("Host", "", "name the mail server")]
    [InlineData("Port", "70000", "1 to 65535")]
    [InlineData("Port", "465", "use 587")]
    [InlineData("Port", "many", "Notification:Smtp:Port")]
    [InlineData("From", "nobody", "shop@example.org")]
    [InlineData("Password", null, "together")]
    [InlineData("Tls", "false", "in the clear")]
    [InlineData("Tsl", "true", "Tsl")]
    public void Should_refuse_a_wrong_setting_of_mail_in_a_sentence(string key, string? value, string says)
    {
        Dictionary<string, string?> values = new() { ["Host"] = "mail.example.org", ["From"] = "shop@example.org", ["User"] = "shop", ["Password"] = "secret", [key] = value };
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values.Select(v => KeyValuePair.Create($"Notification:Smtp:{v.Key}", v.Value))).Build();
        var error = Assert.Throws<SettingsException>(() => Settings.Read(configuration));
        Assert.Contains("Notification", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_not_repeat_a_password_in_an_error()
    {
        foreach (var (key, value) in new[] { ("Database:ConnectionString", "Host=h;Pasword=secret"), ("Transport:Uri", "secret"), ("Payment:GatewayUrl", "https://shop:secret@payments.example.org") })
            Refuses("Postgres", "Host=h;Database=d", key, value, key);
    }

    [Theory]
    [InlineData("Server=s;Database=d;Pasword=secret", "SQL Server connection string")]
    [InlineData("Host=h;Database=d;Password=secret", "SQL Server connection string")]
    [InlineData("Server=s;Database=d;Connect Timeout=secret", "SQL Server connection string")]
    [InlineData("secret", "SQL Server connection string")]
    [InlineData("Server=s;Password=secret", "Server and Database")]
    [InlineData("Database=d;Password=secret", "Server and Database")]
    public void Should_refuse_what_is_no_connection_string_of_SQL_Server(string value, string says)
    {
        foreach (var key in new[] { "Database:ConnectionString", "Database:payment:ConnectionString" })
            Refuses("SqlServer", "Server=s;Database=d", key, value, says);
    }

    [Fact]
    public void Should_not_repeat_a_key_in_an_error()
    {
        foreach (var (key, value) in new[] { ("Ops:ApiKey", "a secret"), ("Ops:Actors", "secret"), ("Ops:Readers", "ann:secret,bob:secret"), ("Ops:Key", "secret") })
            Refuses("Postgres", "Host=h;Database=d", key, value, key, "Transport:Uri", "amqp://h");
    }

    [Fact]
    public async Task Should_not_let_others_reach_what_nobody_may_operate()
    {
        await using var place = await Place.OfAsync("servers");
        foreach (var address in new[] { "http://0.0.0.0:0", "http://127.0.0.1:0;http://*:0", "http://[::]:0" })
        {
            var (code, output) = await Shop.FailToStartAsync(place, Ct, "--urls", address);
            Assert.Equal(1, code);
            Assert.Contains($"Urls is '{address}'", output, StringComparison.Ordinal);
            Assert.Contains("Ops:ApiKey", output, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        }

        await using var operated = await Shop.StartAsync(place, Ct, "orders,inventory", "--urls", "http://0.0.0.0:0", "--Ops:Actors", "ann:a-key-of-sixteen-characters");
        Assert.Contains("Operators: by key; 1 may act, 0 may look", operated.Output, StringComparison.Ordinal);
        // There is nothing to operate here.
        await using var pricing = await Shop.StartAsync(place, Ct, "pricing", "--urls", "http://0.0.0.0:0");
        Assert.DoesNotContain("Operators", pricing.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_give_roles_the_databases_of_their_own()
    {
        Dictionary<string, string?> values = new()
        {
            ["Database:Provider"] = "sqlserver",
            ["Database:ConnectionString"] = "Server=s;Database=d",
            ["Database:payment:ConnectionString"] = "Server=s;Database=p",
        };
        var open = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build()).Database.Open(embedded: null);
        Assert.Same(open("orders"), open("inventory"));
        Assert.NotSame(open("orders"), open("payment"));
    }

    private static void Refuses(string provider, string connection, string key, string value, string says, string alsoKey = "Checkout:Asks", string alsoValue = "3")
    {
        var values = new Dictionary<string, string?>
        {
            [alsoKey] = alsoValue,
            ["Database:Provider"] = provider,
            ["Database:ConnectionString"] = connection,
            ["Transport:Kind"] = "RabbitMq",
            [key] = value,
        };
        var error = Assert.Throws<SettingsException>(() => Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build()));
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }
}
