using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using MassTransit;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>
/// A node in a process of its own, which a test can have killed at a named point: no finally runs, nothing is flushed, as in life.
/// </summary>
internal sealed class Worker : IAsyncDisposable
{
    private readonly Process process;
    private readonly Task<string> errors;

    private Worker(Process process) => (this.process, errors) = (process, process.StandardError.ReadToEndAsync());

    /// <summary>Where a process may die while it handles a message.</summary>
    public static IReadOnlyList<string> Points { get; } = ["received", "loaded", "decided", "saved", "committed", "published", "acknowledged"];

    /// <summary>Ends when the process is dead.</summary>
    public Task Died => process.WaitForExitAsync(TestContext.Current.CancellationToken);

    public bool IsDead => process.HasExited;

    /// <summary>Starts one that dies when it comes to a point for the n-th time (never: without a point).</summary>
    public static async Task<Worker> StartAsync(ServerDatabase database, TestBroker broker, string? point = null, int times = 0)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Worker).Assembly.Location, "worker", .. database.Arguments, broker.Uri.ToString(), point ?? "never", times.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var worker = new Worker(Process.Start(start)!);
        // It may have died of its point before it could say that it is ready.
        while (await worker.process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            if (line == "ready")
                return worker;
        await worker.Died;
        Assert.True(worker.process.ExitCode == 137, $"The worker ended with {worker.process.ExitCode}: {await worker.errors}");
        return worker;
    }

    /// <summary>The process itself: arguments as above. It ends when its input does.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var points = new KillPoint(args[3], int.Parse(args[4], CultureInfo.InvariantCulture));
        await using var node = await Node.StartAsync(new NodeOptions(TestServer.Of(args[0]).At(args[1]))
        {
            Broker = new Uri(args[2]),
            Listens = false,
            Services = services => services.AddSingleton<IInterceptor>(points),
            Bus = bus =>
            {
                bus.AddSingleton<IReceiveObserver>(points);
                bus.AddSingleton<ISendObserver>(points);
                bus.AddSingleton<IPublishObserver>(points);
            },
        });
        points.Arm();
        await Console.Out.WriteLineAsync("ready");
        while (await Console.In.ReadLineAsync() is not null)
        {
        }

        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
        }

        process.Dispose();
    }

    /// <summary>Sits on every path of a message and ends the process at one of them.</summary>
    private sealed class KillPoint(string point, int times) : DbCommandInterceptor, ISaveChangesInterceptor, IDbTransactionInterceptor, IReceiveObserver, ISendObserver, IPublishObserver
    {
        private bool armed;
        private int passed;

        public void Arm() => armed = true;

        public Task PreReceive(ReceiveContext context)
        {
            Passing("received");
            return Task.CompletedTask;
        }

        public override ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
        {
            // The first thing that a handler reads: the saga's row, or the step log.
            if (command.CommandText.Contains("correlation_id", StringComparison.Ordinal) || command.CommandText.Contains("step_log", StringComparison.Ordinal))
                Passing("loaded");
            return ValueTask.FromResult(result);
        }

        public ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            Passing("decided");
            return ValueTask.FromResult(result);
        }

        public ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
        {
            Passing("saved");
            return ValueTask.FromResult(result);
        }

        public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            Passing("committed");
            return Task.CompletedTask;
        }

        public Task PostSend<T>(SendContext<T> context)
            where T : class
        {
            Passing("published");
            return Task.CompletedTask;
        }

        public Task PostPublish<T>(PublishContext<T> context)
            where T : class
        {
            Passing("published");
            return Task.CompletedTask;
        }

        public Task PostReceive(ReceiveContext context)
        {
            Passing("acknowledged");
            return Task.CompletedTask;
        }

        public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
            where T : class
            => Task.CompletedTask;

        public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception)
            where T : class
            => Task.CompletedTask;

        public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;

        public Task PreSend<T>(SendContext<T> context)
            where T : class
            => Task.CompletedTask;

        public Task PrePublish<T>(PublishContext<T> context)
            where T : class
            => Task.CompletedTask;

        public Task PublishFault<T>(PublishContext<T> context, Exception exception)
            where T : class
            => Task.CompletedTask;

        public Task SendFault<T>(SendContext<T> context, Exception exception)
            where T : class
            => Task.CompletedTask;

        private void Passing(string name)
        {
            if (!armed || name != point || Interlocked.Increment(ref passed) != times)
                return;
            using var self = Process.GetCurrentProcess();
            self.Kill();
            Task.Delay(Timeout.Infinite).GetAwaiter().GetResult();
        }
    }
}
