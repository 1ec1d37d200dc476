using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Inbox;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests;

public sealed class OutboxOnPostgres() : OutboxKit(TestServer.Postgres);

public sealed class OutboxOnSqlServer() : OutboxKit(TestServer.SqlServer);

/// <summary>What is committed is sent: at once, after a crash, by whoever is there; and what cannot be sent is put aside.</summary>
public abstract class OutboxKit(TestServer server)
{
    private static readonly DateTimeOffset Left = new(2026, 1, 1, 12, 0, 1, TimeSpan.Zero);
    private readonly Guid counter = Guid.NewGuid();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_send_what_code_outside_consumers_publishes_after_its_commit()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await PublishAsync(node, new Counted(counter, 5));
        await node.Heard.NextAsync();
        Assert.Equal(counter, Assert.Single(node.Heard.All).SagaId);
        await node.NothingUnsentAsync();
    }

    [Fact]
    public async Task Should_send_nothing_of_work_that_throws()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        await Assert.ThrowsAsync<InvalidOperationException>(() => node.Services.GetRequiredService<Outbox<CounterDb>>().RunAsync<bool>(async (_, session) =>
        {
            session.Entry = new HandledMessage { MessageId = Guid.NewGuid() };
            await session.Publisher.Publish(new Counted(counter, 1), Ct);
            throw new InvalidOperationException("It is not to be.");
        }, Ct));
        await PublishAsync(node, new Counted(counter, 2));
        await node.Heard.NextAsync();
        Assert.Equal(2, Assert.Single(node.Heard.All).Total);
        Assert.Equal(1, await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(Ct)));
    }

    [Fact]
    public async Task Should_send_again_what_failed_as_soon_as_the_broker_is_there()
    {
        await using var database = await server.CreateAsync();
        var time = new ManualTime();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Services = s => s.AddSingleton<TimeProvider>(time) });
        var left = 2;
        using (node.Bus.ConnectSendObserver(new OnSend(() => Interlocked.Decrement(ref left) >= 0 ? throw new InvalidOperationException("The broker is away.") : Task.CompletedTask)))
            await Task.WhenAll(PublishAsync(node, new Counted(counter, 3)), PublishAsync(node, new Counted(counter, 4)));
        Assert.Equal(0, left);
        Assert.NotEqual("", await node.UnsentAsync());
        Assert.Empty(node.Heard.All);
        // Long before the sweep.
        var began = time.GetUtcNow();
        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(100));
                return await node.UnsentAsync() == "";
            },
            "nothing unsent");
        Assert.Equal([3, 4], node.Heard.All.Select(h => h.Total).Order());
        Assert.InRange(time.GetUtcNow() - began, TimeSpan.Zero, TimeSpan.FromSeconds(59));
    }

    [Fact]
    public async Task Should_send_at_the_next_start_what_a_crash_left_unsent()
    {
        await using var database = await server.CreateAsync();
        await using (var node = await DyingAsync(database))
            await LeaveUnsentAsync(node, new Counted(counter, 9));

        await using var next = await Node.StartAsync(database);
        await next.Heard.NextAsync();
        Assert.Equal(9, Assert.Single(next.Heard.All).Total);
        await next.NothingUnsentAsync();
    }

    [Fact]
    public async Task Should_send_once_more_what_two_nodes_find_at_the_same_time_and_lose_nothing()
    {
        await using var database = await server.CreateAsync();
        await using (var node = await DyingAsync(database))
            for (var i = 1; i <= 50; i++)
                await LeaveUnsentAsync(node, new Counted(counter, i));

        var nodes = await Task.WhenAll(Node.StartAsync(database), Node.StartAsync(database));
        try
        {
            await Eventually.HoldsAsync(() => Task.FromResult(nodes.SelectMany(n => n.Heard.All).Select(h => h.Total).Distinct().Count() == 50), "50 totals heard");
            await nodes[0].NothingUnsentAsync();
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Should_send_again_what_is_unsent_when_its_message_comes_again()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var message = Guid.NewGuid();
        await node.CountAsync(counter, 6, message);
        await node.Heard.NextAsync();
        await node.NothingUnsentAsync();
        // As if the process had died between commit and send: the row says that it still has something to send.
        var id = node.Heard.All[0].MessageId;
        await LeaveUnsentAsync(node, new Counted(counter, 6), message, id);
        await node.CountAsync(counter, 6, message);
        await node.Heard.NextAsync();
        Assert.Equal([6, 6], node.Heard.All.Select(h => h.Total));
        Assert.Single(node.Heard.All.Select(h => h.MessageId).Distinct());
        Assert.Equal(6, await node.TotalAsync(counter));
    }

    [Fact]
    public async Task Should_not_wait_for_the_broker_unless_it_falls_behind_and_stop_when_all_is_said()
    {
        await using var database = await server.CreateAsync();
        await using var node = await Node.StartAsync(database);
        var (held, taken) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        using (node.Bus.ConnectSendObserver(new OnSend(() =>
        {
            Interlocked.Increment(ref held);
            return taken.Task;
        })))
        {
            for (var i = 1; i <= ReliableMessaging.MostAtOnce; i++)
                await PublishAsync(node, new Counted(counter, i)).WaitAsync(TimeSpan.FromSeconds(20), Ct);
            Assert.Empty(node.Heard.All);
            // One too many: from here on it is the broker's pace.
            var next = PublishAsync(node, new Counted(counter, ReliableMessaging.MostAtOnce + 1));
            await Eventually.HoldsAsync(() => Task.FromResult(held == ReliableMessaging.MostAtOnce + 1), "all are held up");
            var stop = node.Services.GetRequiredService<Outbox<CounterDb>>().StopAsync(Ct);
            // Time enough for one that does not wait.
            Assert.NotEqual("", await node.UnsentAsync());
            Assert.False(next.IsCompleted);
            Assert.False(stop.IsCompleted);
            taken.SetResult();
            await Task.WhenAll(next, stop);
        }

        Assert.Equal("", await node.UnsentAsync());
        await Eventually.HoldsAsync(() => Task.FromResult(node.Heard.All.Count == ReliableMessaging.MostAtOnce + 1), "all is heard");
    }

    [Fact]
    public async Task Should_not_take_what_one_order_has_to_say_for_said_because_another_said_it()
    {
        await using var database = await server.CreateAsync();
        var time = new ManualTime();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Services = s => s.AddSingleton<TimeProvider>(time) });
        var (one, other, shared) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        // Somebody used one message id for two orders, and a process died before it had sent what the second one has to say.
        await LeaveUnsentAsync(node, new Counted(counter, 9), entry: new() { OrderId = other, MessageId = shared });
        // What the first one says under that id is marked together with something else that the second one says.
        await PublishAsync(node, new Counted(counter, 1), new() { OrderId = one, MessageId = shared });
        await PublishAsync(node, new Counted(counter, 2), new() { OrderId = other, MessageId = Guid.NewGuid() });
        await node.Heard.NextAsync();
        await node.Heard.NextAsync();
        await Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(250));
                return await node.InDatabaseAsync(db => db.Set<HandledMessage>().CountAsync(m => m.Outgoing == null, Ct)) >= 2;
            },
            "what was said is marked");
        var unsent = await node.InDatabaseAsync(db => db.Set<HandledMessage>().SingleAsync(m => m.Outgoing != null, Ct));
        Assert.Equal((other, shared), (unsent.OrderId, unsent.MessageId));
    }

    [Fact]
    public async Task Should_count_and_park_what_the_broker_would_not_take()
    {
        await using var database = await server.CreateAsync();
        var time = new ManualTime();
        await using var node = await Node.StartAsync(new NodeOptions(database.Connect()) { Services = s => s.AddSingleton<TimeProvider>(time) });
        // No transport has such an address.
        await LeaveUnsentAsync(node, new Counted(counter, 1), destination: "nowhere://there/is/no/such/place");
        await LeaveUnsentAsync(node, new Counted(counter, 2));
        for (var minute = 0; minute < 12 && (await node.DeadLettersAsync()).Count == 0; minute++)
        {
            var before = await node.UnsentAsync();
            time.Advance(TimeSpan.FromMinutes(1));
            await Eventually.HoldsAsync(async () => await node.UnsentAsync() != before, "a try");
        }

        var parked = Assert.Single(await node.DeadLettersAsync());
        Assert.Equal(DeadLetterCause.NotSent, parked.Cause);
        Assert.Equal(nameof(Counted), parked.MessageType);
        await node.NothingUnsentAsync();
        Assert.Equal([2], node.Heard.All.Select(h => h.Total).Distinct());
    }

    // Its clock stands still before the rows that it leaves, so that it does not sweep them up itself.
    private static Task<Node> DyingAsync(ServerDatabase database) =>
        Node.StartAsync(new NodeOptions(database.Connect()) { Services = s => s.AddSingleton<TimeProvider>(new ManualTime()) });

    private static Task<bool> PublishAsync(Node node, Counted message, HandledMessage? entry = null) => node.Services.GetRequiredService<Outbox<CounterDb>>().RunAsync(async (_, session) =>
    {
        session.Entry = entry ?? new() { MessageId = Guid.NewGuid() };
        session.Entry.At = TimeProvider.System.GetUtcNow();
        await session.Publisher.Publish(message, Ct);
        return true;
    }, Ct);

    // A commit whose process died before it sent.
    private static Task<int> LeaveUnsentAsync(Node node, Counted message, Guid? cause = null, Guid? id = null, string? destination = null, HandledMessage? entry = null) => node.InDatabaseAsync(async db =>
    {
        var session = new OutboxSession(node.Services, node.Bus);
        await session.Publisher.Publish(message, context => context.MessageId = id ?? Guid.NewGuid(), Ct);
        var outgoing = OutgoingMessage.Write([.. session.Messages.Select(m => destination is null ? m : m with { Destination = new Uri(destination) })]);
        if (cause is { } handled)
            return await db.Set<HandledMessage>().Where(m => m.MessageId == handled).ExecuteUpdateAsync(set => set.SetProperty(m => m.Outgoing, outgoing), Ct);
        entry ??= new() { MessageId = Guid.NewGuid() };
        (entry.At, entry.Outgoing) = (Left, outgoing);
        db.Add(entry);
        return await db.SaveChangesAsync(Ct);
    });

    // What the broker does with each message.
    private sealed class OnSend(Func<Task> take) : ISendObserver
    {
        public Task PreSend<T>(SendContext<T> context)
            where T : class
            => take();

        public Task PostSend<T>(SendContext<T> context)
            where T : class
            => Task.CompletedTask;

        public Task SendFault<T>(SendContext<T> context, Exception exception)
            where T : class
            => Task.CompletedTask;
    }
}
