using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>One answer of the broker is lost on a connection that is well otherwise. Nobody may be mute for good because of it.</summary>
public class When_the_broker_leaves_a_question_open
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // The client would take each later answer for the lost one, and so every question on that channel for one that is not answered.
    [Theory(Timeout = 180_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Should_send_again(bool publishes)
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        using var wire = new FaultyWire(broker.Uri, int.MaxValue, FaultyWire.Fault.Lost);
        await using var node = await StartAsync(database, wire);

        wire.LosesDeclared();
        await Assert.ThrowsAnyAsync<Exception>(SpeakAsync);
        await Eventually.HoldsAsync(SpeaksAsync, "something said", seconds: 30);
        await node.CountAsync(Guid.NewGuid(), 1);
        await node.Heard.NextAsync();

        async Task SpeakAsync()
        {
            if (publishes)
                await node.Bus.Publish(new Spoken(Guid.NewGuid()), Ct);
            else
                await (await node.Bus.GetSendEndpoint(new Uri("exchange:spoken"))).Send(new Spoken(Guid.NewGuid()), Ct);
        }

        async Task<bool> SpeaksAsync()
        {
            try
            {
                await SpeakAsync();
                return true;
            }
            catch (Exception) when (!Ct.IsCancellationRequested)
            {
                return false;
            }
        }
    }

    // It is he who gave up, not the client: all that is under way on the connection would come again for nothing.
    [Fact(Timeout = 120_000)]
    public async Task Should_keep_its_connection_where_a_sender_gives_up()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        using var wire = new FaultyWire(broker.Uri, int.MaxValue, FaultyWire.Fault.Lost);
        await using var node = await StartAsync(database, wire);
        await node.Bus.Publish(new Spoken(Guid.NewGuid()), Ct);
        // Until an answer may be one that this connection owes.
        await Task.Delay(TimeSpan.FromSeconds(6), Ct);
        var before = wire.Connections;

        wire.LosesConfirmed();
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.Bus.Publish(new Spoken(Guid.NewGuid()), enough.Token));
        await node.CountAsync(Guid.NewGuid(), 1);
        await node.Heard.NextAsync();
        await Task.Delay(TimeSpan.FromSeconds(2), Ct);
        Assert.Equal(before, wire.Connections);
    }

    private static Task<Node> StartAsync(ServerDatabase database, FaultyWire wire) => Node.StartAsync(new NodeOptions(database.Connect())
    {
        Broker = new UriBuilder(wire.Uri) { Query = "heartbeat=1" }.Uri,
        Services = services => services.WatchBroker("the broker"),
    });
}
