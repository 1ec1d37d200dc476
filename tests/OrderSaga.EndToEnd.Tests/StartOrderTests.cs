using System.Net;
using System.Net.Sockets;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Services may be started in any order, and what cannot pass by itself ends the start with a sentence.</summary>
public class When_something_is_not_there_at_the_start
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Refusing")]
    [InlineData("Dropping")]
    public async Task Should_wait_for_the_database_and_say_so_once(string how)
    {
        await using var place = await ServersPlace.EmptyAsync();
        using var wire = place.WireToDatabase(Enum.Parse<Wire.State>(how));
        await using var shop = Shop.Launch(place, more: place.Through(wire));
        await shop.SaysAsync($"Waiting for the database {place.DatabaseName} of PostgreSQL at 127.0.0.1:{wire.Port}", Ct);
        // Long enough for it to try again.
        await Task.Delay(TimeSpan.FromSeconds(2.5), Ct);
        wire.Be(Wire.State.Mended);
        await shop.ReadyAsync(Ct);
        Assert.Single(shop.Output.Split('\n'), l => l.Contains("Waiting for the database", StringComparison.Ordinal));
        Assert.Contains("is there; the start goes on", shop.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", shop.Output, StringComparison.Ordinal);
        using var response = await shop.PlaceAsync(Shop.Order(), wait: 30, ct: Ct);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Fact]
    public async Task Should_be_stopped_while_it_waits()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var wire = place.WireToDatabase(Wire.State.Refusing);
        await using var shop = Shop.Launch(place, more: place.Through(wire));
        await shop.SaysAsync("Waiting for", Ct);
        Assert.Equal(0, await shop.StopAsync());
        Assert.DoesNotContain("   at ", shop.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_accept_orders_without_a_broker_and_say_once_what_it_waits_for()
    {
        await using var place = await ServersPlace.MakeAsync();
        using var wire = place.WireToBroker(Wire.State.Refusing);
        await using var shop = Shop.Launch(place, more: place.Through(broker: wire));
        await shop.StartedAsync(Ct);
        var (status, health) = await shop.HealthAsync(Ct);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("see that the broker runs", health.GetProperty("checks").GetProperty("broker").GetProperty("description").GetString(), StringComparison.Ordinal);
        using var accepted = await shop.PlaceAsync(Shop.Order(), ct: Ct);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await shop.SaysAsync("Waiting for the broker", Ct);
        wire.Be(Wire.State.Mended);
        await shop.ReadyAsync(Ct);
        Assert.Single(shop.Output.Split('\n'), l => l.Contains("Waiting for the broker", StringComparison.Ordinal));
        Assert.DoesNotContain("BrokerUnreachable", shop.Output, StringComparison.Ordinal);
        // Its first command could not be sent: the order asks again when its step's time says so.
        Assert.Equal(HttpStatusCode.OK, (await shop.Http.GetAsync(accepted.Headers.Location, Ct)).StatusCode);
    }

    [Fact]
    public async Task Should_say_that_the_port_is_taken()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        await using var place = await ServersPlace.MakeAsync();
        await FailsAsync(place, "--urls", "--urls", $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}");
    }

    [Theory]
    [InlineData("Password=guess", "password authentication failed")]
    [InlineData("Database=not_there", "There is no database")]
    public async Task Should_say_what_the_database_refuses(string change, string says)
    {
        await using var place = await ServersPlace.MakeAsync();
        await FailsAsync(place, says, "--Database:ConnectionString", $"{place.ConnectionString};{change}");
    }

    private static async Task FailsAsync(Place place, string says, params string[] more)
    {
        var (code, output) = await Shop.FailToStartAsync(place, Ct, more);
        Assert.Equal(1, code);
        Assert.Contains(says, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("crit: ", output, StringComparison.Ordinal);
    }
}
