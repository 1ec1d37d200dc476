using MassTransit;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>The broker is away while an answer is sent, and is back when the message is tried again.</summary>
public class When_a_try_cannot_send
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Should_be_as_if_nothing_had_been_when_the_next_try_can()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        var tries = 0;
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            Bus = bus => bus.AddConfigureEndpointsCallback((_, name, endpoint) =>
            {
                if (name == "entries")
                    endpoint.ConfigurePublish(pipe => pipe.UseExecute(_ =>
                    {
                        ObjectDisposedException.ThrowIf(++tries == 1, pipe);
                    }));
            }),
        });
        var receipts = new Receipts();
        node.Bus.ConnectReceiveObserver(receipts);

        var entry = Guid.NewGuid();
        await node.Bus.Publish(new Enter(entry, "left"), Ct);
        await node.Heard.NextAsync();
        await receipts.HandledAsync("entries").WaitAsync(Ct);

        Assert.Equal(entry, Assert.Single(node.Heard.All).SagaId);
        Assert.Equal(2, tries);
        Assert.Empty(receipts.Faults);
        Assert.Empty(await node.DeadLettersAsync());
    }
}
