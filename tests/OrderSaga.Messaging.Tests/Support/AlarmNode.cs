using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Scheduling;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>A process with alarms, as far as its timers are concerned. Several may share a database.</summary>
internal sealed class AlarmNode : IAsyncDisposable
{
    private readonly IHost host;

    private AlarmNode(IHost host) => this.host = host;

    public Bell Bell => host.Services.GetRequiredService<Bell>();

    /// <summary>What would be read on its console: warnings and worse.</summary>
    public IReadOnlyCollection<string> Log => host.Services.GetRequiredService<Warnings>().Lines;

    /// <summary>Starts it, and waits until its scheduler runs.</summary>
    public static async Task<AlarmNode> StartAsync(Database database, TimeProvider time)
    {
        var options = new DbContextOptionsBuilder<AlarmDb>();
        database.Configure(options);
        await using var db = new AlarmDb(options.Options);
        var others = await SchedulersAsync(db);
        var node = await BeginAsync(database, time);
        for (var patience = Stopwatch.StartNew(); !(await SchedulersAsync(db)).Except(others).Any(); await Task.Delay(10))
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(40), $"The scheduler does not run. The log: {string.Join('\n', node.Log)}");
        return node;
    }

    /// <summary>The schedulers that say that they run.</summary>
    public static async Task<List<string>> SchedulersAsync(AlarmDb db) =>
        await db.Database.SqlQueryRaw<int>("SELECT COUNT(*) AS \"Value\" FROM information_schema.tables WHERE LOWER(table_name) = 'qrtz_scheduler_state'").SingleAsync() == 0
            ? []
            : await db.Database.SqlQueryRaw<string>("SELECT instance_name AS \"Value\" FROM alarms.qrtz_SCHEDULER_STATE").ToListAsync();

    /// <summary>Starts it; its scheduler follows.</summary>
    public static async Task<AlarmNode> BeginAsync(Database database, TimeProvider time)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        var warnings = new Warnings();
        builder.Logging.ClearProviders().AddProvider(warnings).SetMinimumLevel(LogLevel.Warning);
        // EF Core repeats what it throws.
        builder.Logging.AddFilter("Microsoft", LogLevel.None);
        builder.Services.AddSingleton(warnings).AddSingleton(time);
        builder.Services.AddDatabase<AlarmDb>(database, MakeQuartzTablesAsync, (_, db) => db.MigratesFromTheModel());
        builder.Services.AddSingleton<Bell>().AddSingleton<IActOnTimeout<Alarm>>(services => services.GetRequiredService<Bell>());
        builder.Services.AddQuartzTimeouts<AlarmDb, Alarm>();
        var host = builder.Build();
        await host.StartAsync();
        return new AlarmNode(host);
    }

    private static async Task MakeQuartzTablesAsync(AlarmDb db, CancellationToken ct)
    {
        foreach (var statement in QuartzTables.Statements(db.Database.ProviderName!, AlarmDb.Schema))
            await db.Database.ExecuteSqlRawAsync(statement, ct);
    }

    /// <summary>Sets an alarm, as a saga would: in a commit of its row.</summary>
    public Task<Guid> SetAsync(DateTimeOffset due, Guid? alarm = null, int again = 0, TimeSpan pause = default) => InDatabaseAsync(async db =>
    {
        var ct = TestContext.Current.CancellationToken;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        var row = alarm is { } id ? await db.Set<Alarm>().SingleAsync(a => a.CorrelationId == id, ct) : db.Add(new Alarm { CorrelationId = Guid.NewGuid() }).Entity;
        (row.Again, row.Pause) = (again, pause);
        row.Set(due);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return row.CorrelationId;
    });

    public async Task<T> InDatabaseAsync<T>(Func<AlarmDb, Task<T>> work)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await work(scope.ServiceProvider.GetRequiredService<AlarmDb>());
    }

    public Task StopAsync() => host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
    }

    private sealed class Warnings : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> lines = [];

        public IReadOnlyCollection<string> Lines => lines;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception?.GetType().Name}");
        }

        public void Dispose()
        {
        }
    }
}
