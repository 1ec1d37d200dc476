using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Groups;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Messaging.Tests.Steps.Support;

/// <summary>What outlives every process: the database, the gateway, and time.</summary>
internal sealed record World(Server Server, Clock Clock, TestGateway Gateway, Signal Signal, Reports Reports)
{
    /// <summary>What happens to come between the first thing that somebody reads in the database and the next.</summary>
    public Interruption Interruption { get; } = new();

    public static World On(Server server)
    {
        var signal = new Signal();
        return new(server, new Clock(), new TestGateway(signal), signal, new Reports(signal));
    }
}

/// <summary>A process of the participant: host, bus and steps. Two of them may share a world.</summary>
internal sealed class StepNode : IAsyncDisposable
{
    private readonly IHost host;
    private readonly Ears ears;
    private bool isDown;

    private StepNode(IHost host, World world)
    {
        this.host = host;
        ears = new(world.Signal);
        host.Services.GetRequiredService<IBus>().ConnectPublishObserver(ears);
        host.Services.GetRequiredService<IBus>().ConnectReceiveObserver(ears);
    }

    /// <summary>All that it answered.</summary>
    public IReadOnlyList<Answer> Said => [.. ears.Said];

    /// <param name="world">Where it lives.</param>
    /// <param name="looksByItself">Whether the look-after runs by the clock, as in a real process; otherwise only when the test says so.</param>
    public static async Task<StepNode> StartAsync(World world, bool looksByItself = false)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<ILoggerFactory>(world.Reports);
        builder.Services.AddSingleton<TimeProvider>(world.Clock).AddSingleton(world.Gateway);
        builder.Services.AddSingleton(new DatabaseOf<StepDb>(world.Server.Database)).AddSingleton<GroupCommit<StepDb>>().AddScoped(_ => world.Server.Open(world.Interruption));
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.AddConsumer<HoldSeatsStep>().Endpoint(e => e.Name = "box");
            bus.AddOutsideStep<TakeMoneyStep>().Endpoint(e => e.Name = "box");
            bus.UsingInMemory((context, factory) =>
            {
                factory.PrefetchCount = 1000;
                factory.UseMessageRetry(retry =>
                {
                    retry.Ignore<OperationCanceledException>();
                    retry.Immediate(2);
                });
                factory.ConfigureEndpoints(context);
            });
        });
        if (!looksByItself)
            builder.Services.Remove(builder.Services.Single(s => s.ImplementationType == typeof(LookAfter<TakeMoneyStep>)));
        builder.Services.AddSingleton<LookAfter<TakeMoneyStep>>();
        builder.Services.Configure<MassTransitHostOptions>(o => (o.WaitUntilStarted, o.ConsumerStopTimeout) = (true, TimeSpan.FromMilliseconds(1)));
        var host = builder.Build();
        var node = new StepNode(host, world);
        await host.StartAsync();
        return node;
    }

    /// <summary>Asks, and returns its answer when the message has been handled; null if there is none. A fault is thrown here.</summary>
    public Task<Answer?> AskAsync(object command, Guid? commandId = null) =>
        Ask(command, commandId).Handled.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

    /// <summary>Asks, and does not wait.</summary>
    public Ask Ask(object command, Guid? commandId = null)
    {
        var ask = ears.Expect(commandId ?? Guid.NewGuid());
        ask.Sent = host.Services.GetRequiredService<IBus>().Publish(command, command.GetType(), Pipe.Execute<PublishContext>(context =>
        {
            context.MessageId = ask.CommandId;
            context.ConversationId = ask.Conversation;
        }), TestContext.Current.CancellationToken);
        return ask;
    }

    /// <summary>One look at what is left behind.</summary>
    public Task LookAsync() => host.Services.GetRequiredService<LookAfter<TakeMoneyStep>>().LookAsync(TestContext.Current.CancellationToken);

    /// <summary>The process ends in the middle of what it does: what it waits for is cut off, nothing is acknowledged.</summary>
    public async ValueTask DisposeAsync()
    {
        if (isDown)
            return;
        isDown = true;
        await host.StopAsync();
        host.Dispose();
    }
}

internal sealed class Interruption : DbCommandInterceptor
{
    private Func<Task>? next;

    public void Comes(Func<Task> then) => next = then;

    public override async ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref next, null) is { } now)
            await now();
        return result;
    }
}

/// <summary>One published answer.</summary>
internal sealed record Answer(object Message, Guid Id, IReadOnlyDictionary<string, object> Headers)
{
    public string Body => JsonSerializer.Serialize(Message, Message.GetType());
}

internal sealed record Ask(Guid CommandId, Guid Conversation)
{
    public Task Sent { get; set; } = Task.CompletedTask;

    public TaskCompletionSource<Answer?> Handled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Answer? Answer { get; set; }
}

/// <summary>Hears every answer, and tells by the conversation whose it is.</summary>
internal sealed class Ears(Signal signal) : IPublishObserver, IReceiveObserver
{
    private readonly ConcurrentDictionary<Guid, Ask> asks = new();

    public ConcurrentQueue<Answer> Said { get; } = [];

    public Ask Expect(Guid commandId)
    {
        var ask = new Ask(commandId, Guid.NewGuid());
        return asks[ask.Conversation] = ask;
    }

    public Task PrePublish<T>(PublishContext<T> context)
        where T : class
        => Task.CompletedTask;

    public Task PostPublish<T>(PublishContext<T> context)
        where T : class
    {
        var ask = context.ConversationId is { } conversation ? asks.GetValueOrDefault(conversation) : null;
        if (context.Message is Fault fault)
            ask?.Handled.TrySetException(new FaultException(string.Join('\n', fault.Exceptions.Select(e => $"{e.ExceptionType}: {e.Message}\n{e.StackTrace}"))));
        else if (context.MessageId != ask?.CommandId)
            Hear(new(context.Message, context.MessageId!.Value, new Dictionary<string, object>(context.Headers.GetAll())), ask);
        signal.Changed();
        return Task.CompletedTask;
    }

    public Task PublishFault<T>(PublishContext<T> context, Exception exception)
        where T : class
        => Task.CompletedTask;

    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
        where T : class
    {
        if (context.ConversationId is { } conversation && asks.TryGetValue(conversation, out var ask))
            ask.Handled.TrySetResult(ask.Answer);
        signal.Changed();
        return Task.CompletedTask;
    }

    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception)
        where T : class
        => Task.CompletedTask;

    public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;

    private void Hear(Answer answer, Ask? ask)
    {
        if (ask is not null)
            ask.Answer = answer;
        Said.Enqueue(answer);
    }
}

/// <summary>The participant could not handle the message.</summary>
internal sealed class FaultException(string message) : Exception(message);

/// <summary>What somebody should look at.</summary>
internal sealed class Reports(Signal signal) : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> errors = [];

    public IReadOnlyList<string> Errors => [.. errors];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    // MassTransit keeps the first logger factory of the process for good.
    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        // MassTransit's own errors are faults, which a test sees as such.
        if (logLevel < LogLevel.Error || exception is not null)
            return;
        errors.Enqueue(formatter(state, exception));
        signal.Changed();
    }
}
