using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>A broker does not know the shop's user for a while, as when it is set up anew: everybody listens when it does again.</summary>
public class When_the_broker_refuses_a_user
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // The transport takes a refusal for good.
    [Fact(Timeout = 240_000)]
    public async Task Should_listen_when_it_is_let_in()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await broker.UserAsync("right");
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            Broker = new UriBuilder(broker.Uri) { UserName = broker.Uri.AbsolutePath.Trim('/'), Password = "right" }.Uri,
            Services = services => services.WatchBroker("the broker"),
        });
        var bus = node.Services.GetRequiredService<IBusControl>();

        await broker.ConnectionsAsync(1);
        await broker.UserAsync("another");
        await broker.CloseConnectionsAsync();
        // As long as it takes to be refused.
        await Eventually.HoldsAsync(() => Task.FromResult(!bus.IsWell()), "a node that is refused", seconds: 30);
        await Task.Delay(TimeSpan.FromSeconds(10), Ct);
        await broker.UserAsync("right");

        await Eventually.HoldsAsync(() => Task.FromResult(bus.IsWell()), "a node that listens", seconds: 120);
        await node.CountAsync(Guid.NewGuid(), 1);
        await node.Heard.NextAsync();
    }
}
