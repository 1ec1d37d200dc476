using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Health;

namespace OrderSaga.Orchestrator.Tests.Support;

/// <summary>The orchestrator as a process of its own: its own bus with scripted participants, on a real database that others may share.</summary>
internal sealed class Node(IHost host, Script they, ManualTime time) : IAsyncDisposable
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public Script They => they;

    public ManualTime Time => time;

    public IBus Bus => host.Services.GetRequiredService<IBus>();

    public Intake Intake => host.Services.GetRequiredService<Intake>();

    public Operations Operations => host.Services.GetRequiredService<Operations>();

    public Hearing Hearing => host.Services.GetRequiredService<Hearing>();

    public Queries Queries => host.Services.GetRequiredService<Queries>();

    public static async Task<Node> StartAsync(TestDatabase database, TimeSpan later = default, Gate? gate = null)
    {
        var (they, time) = (new Script(), new ManualTime());
        time.Advance(later);
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance).AddSingleton<TimeProvider>(time);
        builder.Services.AddOrchestratorFace(Database.Postgres(database.ConnectionString));
        if (gate is not null)
            builder.Services.ConfigureDbContext<OrchestratorDb>(options => options.AddInterceptors(gate));
        builder.Services.AddStandstillWatch([], said => said);
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.AddOrchestrator(forgetfulTransport: true);
            bus.UsingInMemory((context, factory) =>
            {
                factory.UseReliableMessaging(context);
                they.ListenOn(factory);
                factory.ConfigureEndpoints(context);
            });
        });
        builder.Services.AddOptions<MassTransitHostOptions>().Configure(o => o.WaitUntilStarted = true);
        // A test says when orders are archived; by itself that happens at the start.
        builder.Services.Remove(builder.Services.Single(s => s.ImplementationType == typeof(Retention)));
        var host = builder.Build();
        await host.StartAsync();
        return new Node(host, they, time);
    }

    public async Task<Guid> SubmitAsync() =>
        (await Intake.SubmitAsync(Participants.Order(Guid.Empty), null, Ct)).OrderId;

    public async Task<HealthReportEntry> HealthAsync(string check) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(c => c.Name == check, Ct)).Entries[check];

    public async Task<T> ReadAsync<T>(Func<OrchestratorDb, Task<T>> read)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await read(scope.ServiceProvider.GetRequiredService<OrchestratorDb>());
    }

    public async Task SchedulerRunsAsync()
    {
        while (await ReadAsync(db => db.Database.SqlQueryRaw<bool>("SELECT to_regclass('checkout.qrtz_scheduler_state') IS NULL AS \"Value\"").SingleAsync(Ct))
            || await CountAsync("SELECT COUNT(*)::int AS \"Value\" FROM checkout.qrtz_scheduler_state") == 0)
            await Task.Delay(10, Ct);
    }

    public Task<int> CountAsync(string sql) => ReadAsync(db => db.Database.SqlQueryRaw<int>(sql).SingleAsync(Ct));

    public OrderState Row(Guid id)
    {
        using var scope = host.Services.CreateScope();
        return scope.ServiceProvider.GetRequiredService<OrchestratorDb>().Orders.AsNoTracking().Single(o => o.CorrelationId == id);
    }

    /// <summary>The row, if it has one.</summary>
    public OrderState? Find(Guid id) => ReadAsync(db => db.Orders.AsNoTracking().SingleOrDefaultAsync(o => o.CorrelationId == id, Ct)).GetAwaiter().GetResult();

    /// <summary>A day passes, and they are archived.</summary>
    public async Task IsArchivedAsync(params Guid[] ids)
    {
        // Until it is known of all messages that they were sent.
        await Script.Until(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return !ReadAsync(db => db.Log.AnyAsync(e => e.Outgoing != null, Ct)).GetAwaiter().GetResult();
        });
        time.Set(TimeSpan.FromDays(1));
        await TidiesAsync();
        Assert.All(ids, id => Assert.Null(Find(id)));
        Assert.Equal(ids.Length, await ReadAsync(db => db.Archive.CountAsync(o => ids.Contains(o.CorrelationId), Ct)));
    }

    /// <summary>What is due is archived and forgotten, to the end.</summary>
    public Task TidiesAsync() => ActivatorUtilities.CreateInstance<Retention>(host.Services).TidyAsync(Ct);

    /// <summary>The first message of a kind that is said because of something.</summary>
    public async Task<T> HearsAsync<T>(Func<Task> because)
        where T : class
    {
        var heard = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var ears = host.Services.GetRequiredService<IBusControl>().ConnectReceiveEndpoint(NewId.NextGuid().ToString(), endpoint => endpoint.Handler<T>(context =>
        {
            heard.TrySetResult(context.Message);
            return Task.CompletedTask;
        }));
        await ears.Ready;
        await because();
        var message = await heard.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        await ears.StopAsync(Ct);
        return message;
    }

    /// <summary>Publishes a message, and waits until it was heard and done with.</summary>
    public async Task HandlesAsync<T>(T message, Guid messageId)
        where T : class
    {
        var heard = new Heard(messageId);
        using var observer = host.Services.GetRequiredService<IBusControl>().ConnectConsumeObserver(heard);
        await Bus.Publish(message, context => context.MessageId = messageId, Ct);
        await heard.Done.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    public Task ReachesAsync(Guid id, string state) => Script.Until(() => Row(id).CurrentState == state);

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
    }

    private sealed class Heard(Guid messageId) : IConsumeObserver
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task PreConsume<T>(ConsumeContext<T> context)
            where T : class
            => Task.CompletedTask;

        public Task PostConsume<T>(ConsumeContext<T> context)
            where T : class
        {
            if (context.MessageId == messageId)
                Done.TrySetResult();
            return Task.CompletedTask;
        }

        public Task ConsumeFault<T>(ConsumeContext<T> context, Exception exception)
            where T : class
        {
            if (context.MessageId == messageId)
                Done.TrySetException(exception);
            return Task.CompletedTask;
        }
    }
}
