using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>A process that starts declares its queues first, and then listens. Whatever becomes of its connection meanwhile, it listens in the end.</summary>
public class When_the_broker_goes_while_a_process_starts
{
    // The first ones greet, the last ones say that it may consume.
    private static readonly int[] Frames = TestSize.Long ? [.. Enumerable.Range(1, 68)] : [1, 5, 12, 17, 32, 50, 62];

    // Some hundred nodes wait for each other's processor otherwise.
    private static readonly ParallelOptions AtOnce = new() { MaxDegreeOfParallelism = 32 };

    [Fact(Timeout = 900_000)]
    public Task Should_listen_in_the_end() => Parallel.ForEachAsync(
        Frames.SelectMany(_ => Enum.GetValues<FaultyWire.Fault>(), (frame, fault) => (frame, fault)), AtOnce,
        async (when, _) => await StartAsync(when.frame, when.fault));

    private static async Task StartAsync(int frame, FaultyWire.Fault fault)
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        using var wire = new FaultyWire(broker.Uri, frame, fault);
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            // Silence is noticed sooner here, unless there is time.
            Broker = TestSize.Long ? wire.Uri : new UriBuilder(wire.Uri) { Query = "heartbeat=1" }.Uri,
            Services = services =>
            {
                services.WatchBroker("the broker");
                services.AddOptions<MassTransitHostOptions>().Configure(o => o.WaitUntilStarted = false);
            },
        });
        var bus = node.Services.GetRequiredService<IBusControl>();
        await Eventually.HoldsAsync(() => Task.FromResult(wire.HasFailed && bus.IsWell()), $"a node that listens, {fault} at frame {frame}", seconds: TestSize.Long ? 180 : 60);

        await node.CountAsync(Guid.NewGuid(), 1);
        await node.Heard.NextAsync();
    }
}
