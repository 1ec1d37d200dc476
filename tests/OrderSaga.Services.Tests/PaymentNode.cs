using System.Collections.Concurrent;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services.Tests;

/// <summary>A process of the payment service, with the retries of the product and a clock that the test moves.</summary>
internal sealed class PaymentNode : IAsyncDisposable
{
    private readonly Answers answers = new();
    private readonly Lines log;
    private readonly IHost host;
    private bool isDown;

    private PaymentNode(IHost host, Lines log)
    {
        (this.host, this.log) = (host, log);
        Bus.ConnectPublishObserver(answers);
        Bus.ConnectReceiveObserver(answers);
    }

    /// <summary>What it logs, from information on.</summary>
    public IReadOnlyList<string> Logged => [.. log.All];

    /// <summary>Until it has logged a line with this in it.</summary>
    public Task UntilLoggedAsync(string text) => log.UntilAsync(text).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

    private IBus Bus => host.Services.GetRequiredService<IBus>();

    public static async Task<PaymentNode> StartAsync(Database database, TimeProvider time, Uri gateway)
    {
        var log = new Lines();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton(time).AddSingleton<ILoggerFactory>(log);
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.AddPayment(database, _ => gateway);
            bus.UsingInMemory((context, inMemory) =>
            {
                inMemory.PrefetchCount = 32;
                inMemory.UseReliableMessaging();
                inMemory.ConfigureEndpoints(context);
            });
        });
        builder.Services.Configure<MassTransitHostOptions>(o => (o.WaitUntilStarted, o.ConsumerStopTimeout) = (true, TimeSpan.FromMilliseconds(1)));
        var host = builder.Build();
        var node = new PaymentNode(host, log);
        await host.StartAsync();
        return node;
    }

    /// <summary>Asks, again while nobody answers. A fault is thrown here.</summary>
    public async Task<object> AskAsync<T>(T command)
        where T : class
        => (await answers.AskAsync(Bus, command)).Message;

    /// <summary>Asks once; null if it was handled without an answer.</summary>
    public async Task<object?> AskOnceAsync<T>(T command)
        where T : class
        => (await answers.AskOnceAsync(Bus, command))?.Message;

    /// <summary>The process ends in the middle of what it does.</summary>
    public async ValueTask DisposeAsync()
    {
        if (isDown)
            return;
        isDown = true;
        await host.StopAsync();
        host.Dispose();
    }

    private sealed class Lines : ILoggerFactory, ILogger
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource> expected = new(StringComparer.Ordinal);

        public ConcurrentQueue<string> All { get; } = [];

        public Task UntilAsync(string text)
        {
            var there = expected.GetOrAdd(text, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
            Tell();
            return there.Task;
        }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            All.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");
            Tell();
        }

        private void Tell()
        {
            foreach (var (text, there) in expected)
                if (All.Any(line => line.Contains(text, StringComparison.Ordinal)))
                    there.TrySetResult();
        }
    }
}
