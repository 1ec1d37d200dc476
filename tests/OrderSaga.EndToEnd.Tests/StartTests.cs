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
        await using var place = await Place.OfAsync("embedded");
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
    public async Task Should_say_that_another_version_made_the_schema()
    {
        await using var place = await Place.OfAsync("servers");
        await using (var shop = await Shop.StartAsync(place, Ct))
            Assert.Equal(0, await shop.StopAsync());
        await place.ScalarAsync<int>("ALTER TABLE checkout.order_state DROP COLUMN token; SELECT 1");
        var (code, output) = await Shop.FailToStartAsync(place, Ct);
        Assert.Equal(1, code);
        Assert.Contains("The schema checkout was made by another version: it lacks order_state.token.", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
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
        for (var i = 0; !shop.Output.Contains("Checkout:Steps:CreateShipment", StringComparison.Ordinal); i++)
        {
            Assert.True(i < 100, "The mistake is not reported.");
            Assert.Equal("done", await ShipmentAsync(shop));
        }
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
    [InlineData("Checkout:UndoTime", "00:00:01", "must exceed")]
    [InlineData("Checkout:UndoTime", "soon", "00:01:00")]
    [InlineData("Checkout:Steps:ChargePayment", "false", "WrapGift")]
    [InlineData("Checkout:StepTimes:ChargePaiment", "00:01:00", "ChargePayment")]
    [InlineData("Checkout:SagaTime", "00:00:30", "00:01:00")]
    [InlineData("Checkout:Asks", "0", "1 to 100")]
    [InlineData("Checkout:Aks", "3", "Aks")]
    public void Should_refuse_a_wrong_setting_in_a_sentence(string key, string value, string says)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build();
        var error = Assert.Throws<SettingsException>(() => Settings.Read(configuration));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_not_repeat_a_password_in_an_error()
    {
        foreach (var (key, value) in new[] { ("Database:ConnectionString", "Host=h;Pasword=secret"), ("Transport:Uri", "secret") })
        {
            var values = new Dictionary<string, string?>
            {
                ["Database:Provider"] = "Postgres",
                ["Database:ConnectionString"] = "Host=h;Database=d",
                ["Transport:Kind"] = "RabbitMq",
                [key] = value,
            };
            var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
            Assert.DoesNotContain("secret", Assert.Throws<SettingsException>(() => Settings.Read(configuration)).Message, StringComparison.Ordinal);
        }
    }
}
