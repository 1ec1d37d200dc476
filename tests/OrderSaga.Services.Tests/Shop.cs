using System.Globalization;
using System.Net;
using System.Text.Json;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services.Tests;

/// <summary>All six services on one real bus and one real database; one shop per test class, unless a test needs one of its own.</summary>
public sealed class Shop : IAsyncLifetime
{
    private readonly Answers answers = new();
    private readonly Endings endings = new();
    private readonly Warnings warnings = new();
    private readonly Setup setup;
    private TestDatabase database = null!;
    private TestGateway gateway = null!;
    private WebApplication host = null!;

    public Shop() : this(new())
    {
    }

    private Shop(Setup setup) => this.setup = setup;

    /// <summary>Its HTTP face.</summary>
    public HttpClient Http { get; } = new();

    /// <summary>What it warned of.</summary>
    public IReadOnlyList<string> Warnings => warnings.All;

    /// <summary>All that was published, in its order.</summary>
    public IReadOnlyList<Answer> Said => answers.Said;

    private IBus Bus => host.Services.GetRequiredService<IBus>();

    internal static async Task<Shop> OpenAsync(Setup setup)
    {
        var shop = new Shop(setup);
        await shop.InitializeAsync();
        return shop;
    }

    /// <summary>Another process of the same services on the same database, with a bus of its own.</summary>
    public Task<Shop> AnotherAsync() => OpenAsync(setup with { Database = database });

    public async ValueTask InitializeAsync()
    {
        database = setup.Database ?? await TestDatabase.CreateAsync();
        var shared = Database.Postgres(database.ConnectionString);
        gateway = await TestGateway.StartAsync(shared, setup.Time ?? TimeProvider.System);
        var builder = WebApplication.CreateEmptyBuilder(new() { EnvironmentName = setup.Environment });
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(setup.Settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value)));
        builder.Services.AddRouting().AddProblemDetails();
        builder.Logging.AddProvider(warnings);
        if (setup.Time is { } time)
            builder.Services.AddSingleton(time);
        if (setup.OfInventory is { } between)
            builder.Services.ConfigureDbContext<InventoryDb>(options => options.AddInterceptors(between));
        // MassTransit's test harness would do, but its lists answer "no" for good once the bus has been quiet for a second.
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.AddOrders(shared);
            bus.AddInventory(shared);
            bus.AddPricing(shared);
            bus.AddPayment(shared, _ => gateway.Address);
            bus.AddShipping(shared);
            bus.AddNotification(shared);
            bus.UsingInMemory((context, inMemory) =>
            {
                inMemory.PrefetchCount = 32;
                inMemory.UseReliableMessaging();
                inMemory.ConfigurePublish(publish => publish.UseExecute(answers.CrashIfTold));
                inMemory.ConfigureEndpoints(context);
            });
        });
        builder.Services.Configure<MassTransitHostOptions>(o => o.WaitUntilStarted = true);
        host = builder.Build();
        host.Use(ComeFrom);
        // As in the Host: what is refused before it comes to an endpoint is a problem as well.
        host.UseStatusCodePages();
        host.MapInventory();
        host.MapShipping();
        host.MapNotification();
        Bus.ConnectPublishObserver(answers);
        Bus.ConnectReceiveObserver(answers);
        Bus.ConnectReceiveObserver(endings);
        await host.StartAsync();
        Http.BaseAddress = new Uri(host.Urls.Single());
    }

    /// <summary>The process ends; the database stays, for others.</summary>
    public async Task StopAsync()
    {
        Http.Dispose();
        await host.StopAsync();
        await host.DisposeAsync();
        await gateway.DisposeAsync();
    }

    /// <summary>Whatever a suite did, the books agree when it is over.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (setup.Database is not null)
            return;
        var broken = await ServiceBooks.BrokenAsync(ServiceBooks.Rules, async sql => long.Parse(await ReadAsync(sql), CultureInfo.InvariantCulture));
        await database.DisposeAsync();
        Assert.Empty(broken);
    }

    /// <summary>What is published of this kind because of an order, by whomever, as soon as it is.</summary>
    public async Task<T> HearAsync<T>(Guid orderId, int number = 1)
        where T : class
        => (T)(await answers.HearAsync(a => a.Message is T && a.CorrelationId == orderId, number).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).Message;

    /// <summary>The process dies before the next message of this kind goes out, although what it says is committed.</summary>
    public void CrashBefore<T>() => answers.CrashBefore = typeof(T);

    // A test says where a request comes from; nobody else can.
    private static Task ComeFrom(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Headers.TryGetValue("Test-From", out var from))
            http.Connection.RemoteIpAddress = IPAddress.Parse(from.ToString());
        return next(http);
    }

    /// <summary>Asks as the orchestrator does, again while nobody answers, and returns what the service publishes because of it. A fault is thrown here.</summary>
    public Task<Answer> AskAsync<T>(T command, Guid? commandId = null, bool crashBeforeAnswer = false)
        where T : class
        => answers.AskAsync(Bus, command, commandId, crashBeforeAnswer);

    /// <summary>Publishes the good ending, and returns when Orders and Inventory have handled it.</summary>
    public Task CompleteAsync(Guid orderId) => TellAsync(new CheckoutCompleted(orderId, 1, "EUR"));

    /// <summary>Tells Orders and Inventory something, and returns when both have handled it.</summary>
    public async Task TellAsync<T>(T news)
        where T : class
    {
        var ending = endings.Expect(handlers: 2);
        await Bus.Publish(news, context => context.MessageId = ending.MessageId);
        await ending.Handled.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    /// <summary>What a query sees from outside: its rows as lines of text, columns separated by spaces.</summary>
    public async Task<string> ReadAsync(string sql, Guid? orderId = null)
    {
        await using var command = database.Source.CreateCommand(sql);
        if (orderId is { } id)
            command.Parameters.AddWithValue("id", id);
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
            lines.Add(string.Join(' ', Enumerable.Range(0, reader.FieldCount).Select(reader.GetValue)));
        return string.Join('\n', lines);
    }

    public async Task WriteAsync(string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Puts a product on the shelf that no other test knows.</summary>
    public async Task<string> StockAsync(int onHand)
    {
        var product = $"sku-{Guid.NewGuid():N}";
        await WriteAsync($"INSERT INTO inventory.stock (product_id, on_hand, reserved) VALUES ('{product}', {onHand}, 0)");
        return product;
    }

    /// <summary>Everything that a service keeps, apart from what its steps keep for themselves: the rows of one order, and all others.</summary>
    public async Task<Effect> EffectAsync(string schema, Guid orderId)
    {
        var tables = await ReadAsync($"""
            SELECT t.table_name, count(c.column_name) FROM information_schema.tables t
            LEFT JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.column_name = 'order_id'
            WHERE t.table_schema = '{schema}' AND t.table_name NOT IN ('step_log', 'under_way', 'intents') GROUP BY 1 ORDER BY 1
            """);
        var (own, others) = (new List<string>(), new List<string>());
        foreach (var table in tables.Split('\n').Select(line => line.Split(' ')))
        {
            // A day on which nothing is delivered yet is no effect of anything.
            var rows = $"SELECT r::text FROM {(table[0] == "delivery_slots" ? "(SELECT * FROM shipping.delivery_slots WHERE taken <> 0)" : $"{schema}.{table[0]}")} r";
            if (table[1] == "1")
                own.Add(await ReadAsync($"{rows} WHERE order_id = @id ORDER BY 1", orderId));
            others.Add(await ReadAsync(table[1] == "1" ? $"{rows} WHERE order_id <> @id ORDER BY 1" : $"{rows} ORDER BY 1", orderId));
        }

        return new Effect(string.Join('\n', own.Where(rows => rows.Length > 0)), string.Join('\n', others));
    }
}

/// <summary>How a shop differs from the usual one.</summary>
internal sealed record Setup(params (string Key, string Value)[] Settings)
{
    /// <summary>One that is there already, and stays.</summary>
    public TestDatabase? Database { get; init; }

    public TimeProvider? Time { get; init; }

    public string Environment { get; init; } = "Development";

    /// <summary>Sees what the inventory reads.</summary>
    public Between? OfInventory { get; init; }
}

/// <summary>What a service keeps because of an order, and what it keeps besides.</summary>
public sealed record Effect(string Own, string Others);

/// <summary>One published answer as the wire sees it.</summary>
public sealed record Answer(object Message, Guid? Id, Guid? CorrelationId, IReadOnlyDictionary<string, object> Headers)
{
    public string Body => JsonSerializer.Serialize(Message, Message.GetType());
}
