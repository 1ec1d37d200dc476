using System.Collections.Concurrent;
using System.Data.Common;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>How a node is made.</summary>
internal sealed record NodeOptions(Database Database)
{
    /// <summary>Where dead letters go; the same database, if nothing is said.</summary>
    public Database? Ops { get; init; }

    /// <summary>The broker; in memory without one.</summary>
    public Uri? Broker { get; init; }

    /// <summary>Whether it holds the saga and the participant, or only listens to what they say.</summary>
    public bool Works { get; init; } = true;

    public bool Listens { get; init; } = true;

    public Action<IServiceCollection>? Services { get; init; }

    public Action<IBusRegistrationConfigurator>? Bus { get; init; }
}

/// <summary>A process, as far as this room is concerned: host, bus, saga, participant and database. Two of them may share a database.</summary>
internal sealed class Node : IAsyncDisposable
{
    private static readonly Mailbox[] Mailboxes = [new("counter", new CounterMachine()), new("entries", typeof(EnterStep))];
    private readonly IHost host;

    private Node(IHost host) => this.host = host;

    public IServiceProvider Services => host.Services;

    public IBus Bus => host.Services.GetRequiredService<IBus>();

    public DeadLetterDesk Desk => host.Services.GetRequiredService<DeadLetterDesk>();

    public Heard Heard => host.Services.GetRequiredService<Heard>();

    public Roundtrips Roundtrips => host.Services.GetRequiredService<Roundtrips>();

    public static Task<Node> StartAsync(ServerDatabase database) => StartAsync(new NodeOptions(database.Connect()));

    public static async Task<Node> StartAsync(NodeOptions options)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        // MassTransit keeps the first logger factory of the process; one that is not disposed with a node serves them all.
        builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        builder.Services.AddSingleton<Heard>().AddSingleton<Roundtrips>().AddSingleton<Meeting>();
        builder.Services.AddDatabase<CounterDb>(options.Database, CounterDb.SeedAsync, (services, db) => db.MigratesFromTheModel().AddInterceptors([services.GetRequiredService<Roundtrips>(), .. services.GetServices<IInterceptor>()]));
        builder.Services.AddReliableMessaging<CounterDb, HandledMessage>();
        builder.Services.AddDeadLetters(options.Ops ?? options.Database);
        builder.Services.AddOperatorsDesk();
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            if (options.Works)
            {
                bus.AddSagaStateMachine<CounterMachine, Counter>().EntityFrameworkRepository<Counter, CounterDb>().Endpoint(e => e.Name = "counter");
                Mailboxes[1].AddConsumers(bus);
            }

            if (options.Listens)
                bus.AddConsumer<Listener>().Endpoint(e => e.Name = "listener");
            options.Bus?.Invoke(bus);
            bus.AddConfigureEndpointsCallback((context, _, endpoint) =>
            {
                (endpoint as IRabbitMqReceiveEndpointConfigurator)?.AsQuorumQueue();
                endpoint.UseDeadLetterStore(context);
            });
            if (options.Broker is { } broker)
                bus.UsingRabbitMq((context, factory) =>
                {
                    factory.Host(broker, host => host.NoticeSilence(broker));
                    factory.UseReliableMessaging();
                    factory.DeclareBeforeSending(Mailboxes);
                    factory.ReceiveDeadLetters(context);
                    factory.ConfigureEndpoints(context);
                });
            else
                bus.UsingInMemory((context, factory) =>
                {
                    factory.UseReliableMessaging();
                    factory.ConfigureEndpoints(context);
                });
        });
        builder.Services.AddOptions<MassTransitHostOptions>().Configure(o => o.WaitUntilStarted = true);
        options.Services?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync();
        return new Node(host);
    }

    public Task CountAsync(Guid counter, int by, Guid? messageId = null) =>
        Bus.Publish(new Count(counter, by), context => context.MessageId = messageId ?? Guid.NewGuid());

    public async Task<T> InDatabaseAsync<T>(Func<CounterDb, Task<T>> read)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await read(scope.ServiceProvider.GetRequiredService<CounterDb>());
    }

    public Task<int> TotalAsync(Guid counter) =>
        InDatabaseAsync(db => db.Set<Counter>().Where(c => c.CorrelationId == counter).Select(c => c.Total).SingleOrDefaultAsync(TestContext.Current.CancellationToken));

    /// <summary>What the outbox still has to send.</summary>
    public async Task<string> UnsentAsync() =>
        string.Join('\n', await InDatabaseAsync(db => db.Set<HandledMessage>().Where(m => m.Outgoing != null).OrderBy(m => m.MessageId).Select(m => m.Outgoing).ToListAsync(TestContext.Current.CancellationToken)));

    public Task NothingUnsentAsync() => Eventually.HoldsAsync(async () => await UnsentAsync() == "", "nothing unsent");

    /// <summary>The dead letters that wait for a person.</summary>
    public async Task<IReadOnlyList<DeadLetter>> DeadLettersAsync()
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<OpsDb>().DeadLetters.AsNoTracking().Where(l => l.Status == DeadLetterStatus.Waiting).OrderBy(l => l.At).ToListAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
    }

    internal sealed class Listener(Heard heard) : IConsumer<Counted>, IConsumer<Fault<Count>>, IConsumer<Entered>, IConsumer<Withdrawn>
    {
        public Task Consume(ConsumeContext<Counted> context) => Heard(context, context.Message.CounterId, context.Message.Total);

        public Task Consume(ConsumeContext<Fault<Count>> context) => Heard(context, context.Message.Message.CounterId, -1);

        public Task Consume(ConsumeContext<Entered> context) => Heard(context, context.Message.EntryId, 0);

        public Task Consume(ConsumeContext<Withdrawn> context) => Heard(context, context.Message.EntryId, 0);

        private Task Heard<T>(ConsumeContext<T> context, Guid sagaId, int total)
            where T : class
        {
            heard.Add(new(typeof(T).Name, context.MessageId!.Value, sagaId, total, context.Headers.Get<string>("traceparent")));
            return Task.CompletedTask;
        }
    }
}

internal sealed record HeardMessage(string Contract, Guid MessageId, Guid SagaId, int Total, string? TraceParent);

/// <summary>What arrived at the listener, and a way to wait for it.</summary>
internal sealed class Heard : IDisposable
{
    private readonly ConcurrentQueue<HeardMessage> all = [];
    private readonly SemaphoreSlim more = new(0);

    public void Dispose() => more.Dispose();

    public IReadOnlyList<HeardMessage> All => [.. all];

    public void Add(HeardMessage message)
    {
        all.Enqueue(message);
        more.Release();
    }

    /// <summary>Waits for the next <paramref name="count"/> messages.</summary>
    public async Task NextAsync(int count = 1)
    {
        for (var i = 0; i < count; i++)
            Assert.True(await more.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken), $"Only {i} of {count} messages came.");
    }
}

/// <summary>Counts what goes to the database.</summary>
internal sealed class Roundtrips : DbCommandInterceptor, IDbTransactionInterceptor
{
    private int commands;
    private int commits;

    public int Commands => commands;

    public int Commits => commits;

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref commands);
        return ValueTask.FromResult(result);
    }

    public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref commands);
        return ValueTask.FromResult(result);
    }

    public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref commits);
        return Task.CompletedTask;
    }
}
