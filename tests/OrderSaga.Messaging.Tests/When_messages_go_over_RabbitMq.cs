using System.Diagnostics;
using System.Text.Json;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Tests.Support;
using RabbitMQ.Client;

namespace OrderSaga.Messaging.Tests;

/// <summary>What only a real broker can show.</summary>
public class When_messages_go_over_RabbitMq
{
    private readonly Guid counter = Guid.NewGuid();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(QuorumQueues.Deliveries)] // whoever gets it next gives it up
    [InlineData(100)] // nobody comes that far: the broker does
    [Trait("Story", "O17")]
    public async Task Should_store_what_was_delivered_too_often_and_replay_it(int deaths)
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var listener = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri, Works = false });
        await listener.CountAsync(counter, 1);
        // A process that dies of the message each time: to the broker it is a channel that closes before it acknowledged.
        await using (var connection = await new ConnectionFactory { Uri = broker.Uri }.CreateConnectionAsync(Ct))
        {
            for (var death = 0; death < deaths; death++)
            {
                await using var channel = await connection.CreateChannelAsync(cancellationToken: Ct);
                if (await channel.BasicGetAsync("counter", autoAck: false, Ct) is null && death > 0)
                    break;
                await channel.CloseAsync(Ct);
            }
        }

        await using var worker = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri, Listens = false });
        await Eventually.HoldsAsync(async () => (await listener.DeadLettersAsync()).Count == 1, "a dead letter");
        var letter = Assert.Single(await listener.DeadLettersAsync());
        Assert.Equal(("counter", DeadLetterCause.DeliveryLimit, nameof(Count)), (letter.Queue, letter.Cause, letter.MessageType));
        Assert.Equal(0, await listener.TotalAsync(counter));

        Assert.Equal(LetterAnswer.Decided, (await listener.Desk.ReplayAsync(letter.Id, reason: null, "ann", Ct)).Answer);
        await listener.Heard.NextAsync();
        Assert.Equal(1, await listener.TotalAsync(counter));
    }

    // The client brings them one after the other, and none waits for the one before.
    [Fact(Timeout = 60_000)]
    public async Task Should_handle_at_once_as_many_as_the_endpoint_takes()
    {
        const int most = 8;
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri });
        var rounds = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        var (come, atOnce, tooMany) = (0, 0, false);
        var endpoint = node.Services.GetRequiredService<IBusControl>().ConnectReceiveEndpoint("crowd", endpoint =>
        {
            endpoint.PrefetchCount = most;
            endpoint.UseDeadLetterStore(node.Services);
            endpoint.Handler<Speak>(async _ =>
            {
                var mine = Interlocked.Increment(ref come);
                tooMany |= Interlocked.Increment(ref atOnce) > most;
                if (mine % most == 0)
                    rounds[(mine / most) - 1].SetResult();
                await rounds[(mine - 1) / most].Task;
                Interlocked.Decrement(ref atOnce);
            });
        });
        await endpoint.Ready.WaitAsync(Ct);
        for (var i = 0; i < rounds.Length * most; i++)
            await node.Bus.Publish(new Speak(Guid.NewGuid()), Ct);
        await Task.WhenAll(rounds.Select(r => r.Task)).WaitAsync(TimeSpan.FromSeconds(30), Ct);
        Assert.False(tooMany);
    }

    [Fact]
    public async Task Should_replay_to_the_queue_that_it_came_from_and_to_nobody_else()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        var others = new Heard();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            Broker = broker.Uri, Services = s => s.AddSingleton(new Others(others)), Bus = bus => bus.AddConsumer<Other>().Endpoint(e => e.Name = "other"),
        });
        var message = Guid.NewGuid();
        await node.CountAsync(counter, 0, message);
        await others.NextAsync();
        await Eventually.HoldsAsync(async () => (await node.DeadLettersAsync()).Count == 1, "a dead letter");
        await node.Desk.ReplayAsync((await node.DeadLettersAsync())[0].Id, reason: null, "ann", Ct);
        await Eventually.HoldsAsync(async () => await node.DeadLettersAsync() is [{ Times: 2 }], "the same letter, twice");
        // What is sent behind the replay is heard behind it.
        await node.CountAsync(counter, 1);
        await others.NextAsync();
        Assert.Equal([message], others.All.Where(h => h.Total == 0).Select(h => h.MessageId));
    }

    [Fact]
    public async Task Should_return_a_mandatory_message_that_nobody_would_get()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri });
        await Assert.ThrowsAsync<MessageReturnedException>(() => node.Bus.Publish(new Unheard(counter), context => context.Mandatory = true, Ct));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    public async Task Should_keep_one_trace_over_stored_messages_and_foreign_programs(string? traceparent)
    {
        using var watched = new ActivityListener { ShouldListenTo = source => source.Name is "MassTransit" or "OrderSaga.Messaging", Sample = (ref _) => ActivitySamplingResult.AllData };
        ActivitySource.AddActivityListener(watched);
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri });
        string trace;
        if (traceparent is null)
        {
            using var activity = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
            trace = activity.TraceId.ToString();
            await node.CountAsync(counter, 1);
        }
        else
        {
            trace = traceparent.Split('-')[1];
            await broker.PublishAsync("count", JsonSerializer.Serialize(new Count(counter, 1), JsonSerializerOptions.Web), new Dictionary<string, string>
            {
                ["MT-MessageType"] = MessageUrn.ForTypeString<Count>(),
                ["traceparent"] = traceparent,
            });
        }

        await node.Heard.NextAsync();
        Assert.Contains(trace, Assert.Single(node.Heard.All).TraceParent, StringComparison.Ordinal);
    }

    private sealed record Unheard(Guid Id);

    private sealed record Others(Heard Heard);

    private sealed class Other(Others others) : IConsumer<Count>
    {
        public Task Consume(ConsumeContext<Count> context)
        {
            others.Heard.Add(new(nameof(Count), context.MessageId!.Value, context.Message.CounterId, context.Message.By, null));
            return Task.CompletedTask;
        }
    }
}
