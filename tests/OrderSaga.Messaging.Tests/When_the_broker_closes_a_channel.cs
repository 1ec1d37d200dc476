using System.Collections.Concurrent;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

/// <summary>The broker closes a channel by which a message has come that is being handled: it comes again, and nobody else notices.</summary>
public class When_the_broker_closes_a_channel
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task Should_go_on_with_everything_on_the_connection()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        var said = new ConcurrentDictionary<Guid, int>();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            Broker = broker.Uri,
            Services = services => services.AddSingleton(said),
            Bus = bus => bus.AddConsumer<Speaker>().Endpoint(e => e.Name = "speaker"),
        });
        await SpeaksAsync();

        // What is said next has nowhere to go, and the broker closes the channel over it.
        await broker.DeleteExchangeAsync("spoken");
        await SpeaksAsync();
        await node.CountAsync(Guid.NewGuid(), 1).WaitAsync(TimeSpan.FromSeconds(10), Ct);
        await node.Heard.NextAsync();
        Assert.Empty(await node.DeadLettersAsync());

        async Task SpeaksAsync()
        {
            var id = Guid.NewGuid();
            await node.Bus.Publish(new Speak(id), Ct);
            await Eventually.HoldsAsync(() => Task.FromResult(said.ContainsKey(id)), "something said", seconds: 15);
        }
    }

    internal sealed class Speaker(ConcurrentDictionary<Guid, int> said) : IConsumer<Speak>
    {
        public async Task Consume(ConsumeContext<Speak> context)
        {
            await context.Publish(new Spoken(context.Message.SpeakId));
            said[context.Message.SpeakId] = 1;
        }
    }
}

/// <summary>Asks for something to be said.</summary>
public sealed record Speak(Guid SpeakId);

/// <summary>It was said.</summary>
public sealed record Spoken(Guid SpeakId);
