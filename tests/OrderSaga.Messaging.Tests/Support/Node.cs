using System.Collections.Concurrent;
using System.Data.Common;
using MassTransit;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Inbox;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>A process, as far as this room is concerned: host, bus, saga and database. Two of them may share a database.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly IHost host;

    private Node(IHost host) => this.host = host;

    public IBus Bus => host.Services.GetRequiredService<IBus>();

    public Heard Heard => host.Services.GetRequiredService<Heard>();

    public Roundtrips Roundtrips => host.Services.GetRequiredService<Roundtrips>();

    public static async Task<Node> StartAsync(TestDatabase database, Action<IBusRegistrationConfigurator>? more = null)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        // MassTransit keeps the first logger factory of the process; one that is not disposed with a node serves them all.
        builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        builder.Services.AddSingleton<Heard>().AddSingleton<Roundtrips>();
        builder.Services.AddDatabase<CounterDb>(Database.Postgres(database.ConnectionString), options: (services, options) => options.AddInterceptors(services.GetRequiredService<Roundtrips>()));
        builder.Services.AddReliableMessaging<CounterDb, HandledMessage>();
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.AddSagaStateMachine<CounterMachine, Counter>().EntityFrameworkRepository<Counter, CounterDb>();
            bus.AddConsumer<Listener>();
            more?.Invoke(bus);
            bus.UsingInMemory((context, factory) =>
            {
                factory.UseReliableMessaging();
                factory.ConfigureEndpoints(context);
            });
        });
        builder.Services.AddOptions<MassTransitHostOptions>().Configure(o => o.WaitUntilStarted = true);
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

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
    }

    internal sealed class Listener(Heard heard) : IConsumer<Counted>, IConsumer<Fault<Count>>
    {
        public Task Consume(ConsumeContext<Counted> context)
        {
            heard.Add(context.MessageId!.Value, context.Message.Total);
            return Task.CompletedTask;
        }

        public Task Consume(ConsumeContext<Fault<Count>> context)
        {
            heard.Add(context.MessageId!.Value, -1);
            return Task.CompletedTask;
        }
    }
}

/// <summary>What arrived at the listener, and a way to wait for it.</summary>
internal sealed class Heard : IDisposable
{
    private readonly ConcurrentQueue<(Guid MessageId, int Total)> all = [];
    private readonly SemaphoreSlim more = new(0);

    public void Dispose() => more.Dispose();

    public IReadOnlyList<(Guid MessageId, int Total)> All => [.. all];

    public void Add(Guid messageId, int total)
    {
        all.Enqueue((messageId, total));
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
