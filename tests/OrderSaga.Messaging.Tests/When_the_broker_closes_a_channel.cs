using System.Collections.Concurrent;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Transports;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Tests.Support;
using RabbitMQ.Client.Exceptions;

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

    // The client waits for whoever brought a message before it tells the next channel that it is closed too.
    [Fact(Timeout = 120_000)]
    public async Task Should_go_on_though_a_message_is_not_done_with()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri });
        var bus = node.Services.GetRequiredService<IBusControl>();
        var (handling, done) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var heard = new SemaphoreSlim(0);
        // As the transport may be about one, while it closes the channel of a message that it can no longer confirm.
        using var observing = bus.ConnectReceiveObserver(new Receipts { Looked = done.Task });
        var stuck = bus.ConnectReceiveEndpoint("stuck", endpoint =>
        {
            endpoint.UseDeadLetterStore(node.Services);
            endpoint.Handler<Speak>(async context =>
            {
                if (context.ReceiveContext.Redelivered)
                    return;
                handling.SetResult();
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            });
        });
        await stuck.Ready.WaitAsync(Ct);
        // They are told after that one.
        for (var i = 0; i < 3; i++)
        {
            var next = bus.ConnectReceiveEndpoint($"next-{i}", endpoint =>
            {
                endpoint.UseDeadLetterStore(node.Services);
                endpoint.Handler<Spoken>(_ => Task.FromResult(heard.Release()));
            });
            await next.Ready.WaitAsync(Ct);
        }

        await node.Bus.Publish(new Speak(Guid.NewGuid()), Ct);
        await handling.Task.WaitAsync(Ct);

        await broker.ConnectionsAsync(1);
        await broker.CloseConnectionsAsync();
        await Eventually.HoldsAsync(SaysAsync, "something said", seconds: 15);
        for (var i = 0; i < 3; i++)
            Assert.True(await heard.WaitAsync(TimeSpan.FromSeconds(15), Ct), $"{3 - i} of them do not listen");
        done.SetResult();

        async Task<bool> SaysAsync()
        {
            try
            {
                await node.Bus.Publish(new Spoken(Guid.NewGuid()), Ct).WaitAsync(TimeSpan.FromSeconds(5), Ct);
                return true;
            }
            catch (Exception e) when (e is ObjectDisposedException or OperationInterruptedException or TimeoutException)
            {
                // By a channel that has just been closed.
                return false;
            }
        }
    }

    // The transport waits then for something that never comes, here for another endpoint: whatever it is, it begins anew.
    [Fact(Timeout = 120_000)]
    public async Task Should_begin_anew_where_it_was_about_to_consume()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Broker = broker.Uri });
        node.Services.GetRequiredService<IBusControl>().ConnectReceiveEndpoint("about-to", endpoint =>
        {
            endpoint.UseDeadLetterStore(node.Services);
            ((ReceiveEndpointConfiguration)endpoint).AddDependency(new Never());
        });
        await IsDeclaredAsync();

        await broker.ConnectionsAsync(1);
        await broker.CloseConnectionsAsync();
        await broker.DeleteQueuesAsync();
        await IsDeclaredAsync();

        Task IsDeclaredAsync() => Eventually.HoldsAsync(async () => (await broker.QueuesAsync()).ContainsKey("about-to"), "the queue declared", seconds: 30);
    }

    // What it was doing meanwhile fails, for nothing else than the channel: neither is that told to whoever asked, nor is it stored.
    [Fact(Timeout = 120_000)]
    public async Task Should_not_blame_what_was_being_handled()
    {
        await using var database = await TestServer.Postgres.CreateAsync();
        await using var broker = await TestBroker.CreateAsync();
        var faults = new ConcurrentBag<Guid>();
        var deliveries = 0;
        var handled = new TaskCompletionSource();
        var (first, closed, ended) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect())
        {
            Broker = broker.Uri,
            Bus = bus => bus.AddHandler((Fault<Speak> fault) =>
            {
                faults.Add(fault.Message.SpeakId);
                return Task.CompletedTask;
            }),
        });
        var receipts = new Receipts();
        node.Bus.ConnectReceiveObserver(receipts);
        var endpoint = node.Services.GetRequiredService<IBusControl>().ConnectReceiveEndpoint("interrupted", endpoint =>
        {
            endpoint.UseDeadLetterStore(node.Services);
            endpoint.ConfigureReceive(pipe => pipe.UseFilter(new Ends(ended)));
            endpoint.Handler<Speak>(async _ =>
            {
                if (Interlocked.Increment(ref deliveries) > 1)
                {
                    handled.TrySetResult();
                    return;
                }

                first.SetResult();
                await closed.Task;
                throw new ObjectDisposedException("SemaphoreSlim");
            });
        });
        await endpoint.Ready.WaitAsync(Ct);
        await node.Bus.Publish(new Speak(Guid.NewGuid()), Ct);
        await first.Task.WaitAsync(Ct);

        await broker.ConnectionsAsync(1);
        await broker.CloseConnectionsAsync();
        await handled.Task.WaitAsync(TimeSpan.FromSeconds(30), Ct);
        closed.SetResult();
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30), Ct);

        Assert.Empty(await node.DeadLettersAsync());
        Assert.DoesNotContain(receipts.Faults, e => e is ObjectDisposedException);
        await node.CountAsync(Guid.NewGuid(), 1).WaitAsync(TimeSpan.FromSeconds(10), Ct);
        await node.Heard.NextAsync();
        Assert.Empty(faults);
        Assert.Equal(2, deliveries);
    }

    // Says when the first delivery has come to its end, with all that is done about what became of it.
    private sealed class Ends(TaskCompletionSource ended) : IFilter<ReceiveContext>
    {
        public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
        {
            var isFirst = !context.Redelivered;
            try
            {
                await next.Send(context);
            }
            finally
            {
                if (isFirst)
                    ended.TrySetResult();
            }
        }

        public void Probe(ProbeContext context)
        {
        }
    }

    internal sealed class Never : IReceiveEndpointDependency
    {
        public Task Ready { get; } = new TaskCompletionSource().Task;
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
