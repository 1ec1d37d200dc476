using Npgsql;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Everything that the program says, at its most talkative, with a secret in every key that may hold one.</summary>
public class When_it_says_all_that_it_can
{
    private const string Mail = "hush-the-mail-server";

    private static readonly string[] Talkative = [.. new[] { "Default", "Microsoft", "Microsoft.EntityFrameworkCore", "Microsoft.Extensions.Diagnostics.HealthChecks", "MassTransit", "Quartz", "Npgsql" }.SelectMany(c => new[] { $"--Logging:LogLevel:{c}", "Trace" })];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_not_say_a_secret()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var wire = place.WireToDatabase();
        using var broker = place.WireToBroker();
        string[] secrets = [new NpgsqlConnectionStringBuilder(place.ConnectionString).Password!, place.Broker.Uri.UserInfo.Split(':')[1], Mail];
        var said = new List<string>();
        await using (var shop = await Shop.StartAsync(place, Ct, more:
            [.. Talkative, .. place.Through(wire, broker), "--Notification:Smtp:Host", "127.0.0.1", "--Notification:Smtp:Port", "1", "--Notification:Smtp:From", "shop@example.org",
                "--Notification:Smtp:User", "shop", "--Notification:Smtp:Password", Mail, "--Notification:Smtp:Tls", "false"]))
        {
            using (var order = await shop.PlaceAsync(Shop.Order(), wait: 30, ct: Ct))
                said.Add(await order.Content.ReadAsStringAsync(Ct));
            wire.Be(Wire.State.Refusing);
            broker.Be(Wire.State.Refusing);
            using (var order = await shop.PlaceAsync(Shop.Order(), ct: Ct))
                said.Add(await order.Content.ReadAsStringAsync(Ct));
            said.Add((await shop.BecomesAsync(h => h.GetProperty("status").GetString() == "Unhealthy", Ct)).Health.GetRawText());
            wire.Be(Wire.State.Mended);
            broker.Be(Wire.State.Mended);
            await shop.ReadyAsync(Ct);
            await shop.StopAsync();
            said.Add(shop.Output);
        }

        Assert.Contains("trce: ", said[^1], StringComparison.Ordinal);
        Assert.All(secrets, secret => Assert.All(said, text => Assert.False(text.Contains(secret, StringComparison.Ordinal),
            $"A secret is said: {text.Split('\n').FirstOrDefault(l => l.Contains(secret, StringComparison.Ordinal))?.Replace(secret, "***", StringComparison.Ordinal)}")));
    }

    [Fact]
    public async Task Should_not_say_the_password_of_the_embedded_server()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct, more: Talkative);
        using (var order = await shop.PlaceAsync(Shop.Order(), wait: 30, ct: Ct))
            Assert.True(order.IsSuccessStatusCode);
        var password = (await File.ReadAllTextAsync(Path.Combine(place.Folder, ".ordersaga", "password"), Ct)).Trim();
        await shop.StopAsync();
        Assert.DoesNotContain(password, shop.Output, StringComparison.Ordinal);
    }
}
