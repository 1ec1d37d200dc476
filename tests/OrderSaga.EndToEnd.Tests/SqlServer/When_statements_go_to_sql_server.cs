using System.Net.Http.Json;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.SqlServer.TransactSql.ScriptDom;
using OrderSaga.Contracts;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Host;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Orchestrator;
using OrderSaga.Services;

namespace OrderSaga.EndToEnd.Tests.SqlServer;

/// <summary>
/// All roles run against a SQL Server that is not there, and hear every message that there is; every row of every table is put in and
/// changed. Whatever they send to it must be T-SQL, and correct without hints: by versions, keys and conditions.
/// </summary>
public class When_statements_go_to_sql_server
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_understood_and_be_correct_without_hints()
    {
        var server = new AnswersNothing();
        await RunEverythingAsync(server);
        var seen = new Seen();
        foreach (var statement in server.Statements)
            TSql.Read(statement).Accept(seen);

        Assert.InRange(server.Statements.Count, 100, 1000);
        var tables = Contexts.All.Select(c => c.Name).SelectMany(TablesOf).ToHashSet();
        Assert.Empty(tables.Except(seen.Inserted));
        // Those that nobody but outside programs reads yet.
        Assert.Empty(tables.Except(seen.Selected).Except(["notification.notifications", "orders.orders", "payment.charges", "payment.fraud_checks", "pricing.frozen_prices", "shipping.gift_wraps", "shipping.shipments"]));
        Assert.Contains("checkout.order_state", seen.Updated);
        // Nobody waits for a lock that a hint takes, and nothing is merged by hand or by EF; only who archives orders passes over those that somebody is at.
        Assert.Equal(["ReadPast", "Rowlock", "UpdLock"], seen.Hints.Order(StringComparer.Ordinal));
        Assert.Contains(server.Statements, s => s.StartsWith("WITH moved", StringComparison.Ordinal) && s.Contains("OUTPUT deleted.[order_id]", StringComparison.Ordinal));
        Assert.Equal(0, seen.Merges);
        // What keeps two nodes apart: the row's version; stock is taken on a condition; one process changes a schema.
        Assert.Contains(server.Statements, s => s.Contains("UPDATE [checkout].[order_state]", StringComparison.Ordinal) && s.Contains("AND [version] = @", StringComparison.Ordinal));
        Assert.Contains(server.Statements, s => s.Contains("[inventory].[stock]", StringComparison.Ordinal) && s.Contains("[s].[on_hand] - [s].[reserved] >= @", StringComparison.Ordinal));
        Assert.Contains(server.Statements, s => s.Contains("sp_getapplock", StringComparison.Ordinal) && s.Contains("'Transaction'", StringComparison.Ordinal));
    }

    private static IEnumerable<string> TablesOf(string context)
    {
        using var db = Contexts.Open(context, Database.SqlServer("Server=nowhere;Database=none"));
        return [.. db.Model.GetEntityTypes().Select(e => $"{e.GetSchema()}.{e.GetTableName()}")];
    }

    private static async Task RunEverythingAsync(AnswersNothing server)
    {
        var database = Database.SqlServer("Server=127.0.0.1,1;Database=none;Connect Timeout=1");
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Database:Provider"] = "SqlServer", ["Database:ConnectionString"] = "Server=nowhere;Database=none" });
        builder.Logging.ClearProviders();
        // With what is there in Development alone.
        builder.Services.AddRoles(Settings.Read(builder.Configuration, development: true), _ => database);
        builder.Services.AddOperatorsDesk();
        foreach (var context in Contexts.All)
            typeof(When_statements_go_to_sql_server).GetMethod(nameof(Intercept), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(context).Invoke(null, [builder.Services, server]);
        await using var app = builder.Build();
        foreach (var schema in app.Services.GetServices<Schema>())
            await schema.UpdateAsync(Ct);
        foreach (var context in Contexts.All)
            await WriteEverythingAsync(app.Services, context);
        await ReadAsync(app.Services);

        await app.StartAsync(Ct);
        var bus = app.Services.GetRequiredService<IBus>();
        foreach (var type in typeof(SubmitOrder).Assembly.GetTypes().Where(t => File.Exists(SampleOf(t))))
            await bus.Publish(JsonSerializer.Deserialize(await File.ReadAllTextAsync(SampleOf(type), Ct), type, JsonSerializerOptions.Web)!, type, Ct);
        using (var gateway = new HttpClient { BaseAddress = GatewaySimulator.AddressOf(app.Services) })
        {
            gateway.DefaultRequestHeaders.Add("Idempotency-Key", "key");
            using var charged = await gateway.PostAsJsonAsync("gateway/charges", new { orderId = Guid.NewGuid(), amount = 1, currency = "EUR", token = "tok_error" }, Ct);
            using var refunded = await gateway.PostAsJsonAsync("gateway/charges/ch_1/refunds", new { amount = 1, currency = "EUR" }, Ct);
            using var read = await gateway.GetAsync(new Uri($"gateway/charges?orderId={Guid.NewGuid()}", UriKind.Relative), Ct);
        }

        // All of it has been heard when nothing new has been said for a while.
        for (var (said, still) = (0, 0); still < 20; still = server.Statements.Count == said ? still + 1 : 0)
        {
            said = server.Statements.Count;
            await Task.Delay(100, Ct);
        }

        await app.StopAsync(Ct);
    }

    private static async Task ReadAsync(IServiceProvider services)
    {
        var queries = services.GetRequiredService<Queries>();
        await queries.FindAsync(Guid.NewGuid(), Ct);
        await queries.UnknownStepsAsync(Ct);
        await queries.ListAsync(new("Failed", "NeedsAttention", TimeSpan.FromHours(1), "ChargePayment", "c-1"), page: null, Ct);
        await queries.ListAsync(new(), page: null, Ct);
        await queries.FileAsync(Guid.NewGuid(), Ct);
        await queries.ListAsync(new(Paused: true), page: null, Ct);
        await queries.UnderWayAsync(new(Paused: false), page: null, 10, Ct);
        await queries.StuckAsync(new("ChargePayment", "c-1", TimeSpan.FromHours(1)), page: null, Ct);
        await queries.StuckAtRestAsync(new(), page: null, 10, Ct);
        await queries.UndosEndedAsync([(Guid.NewGuid(), "ChargePayment")], Ct);
        await queries.AuditAsync(Guid.NewGuid(), mark: null, 10, Ct);
        await queries.AuditAsync(orderId: null, new PageMark(OpsActions.Part, DateTimeOffset.UnixEpoch, Guid.Empty), 10, Ct);
        await queries.SummaryAsync(Ct);
        await queries.StandAsync(await queries.EndedAsync(Ct), 6, Ct);
        await queries.ListAsync(new(Reason: "CARD_DECLINED", Text: "50%_[off]"), page: null, Ct);
        await queries.ListAsync(new(Archived: true, Text: "7F4E-91C2"), page: null, Ct);
        await queries.ContentAsync(Guid.NewGuid(), Ct);
        await queries.TookAsync(DateTimeOffset.UnixEpoch, Ct);
        await queries.MinutesAsync(DateTimeOffset.MaxValue, Ct);
        await services.GetRequiredService<Operations>().CancelAsync(Guid.NewGuid(), "TEST", "ann", Ct);
        await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Ct);
        await ReadOpsAsync(services);
        await using var scope = services.CreateAsyncScope();
        await StuckUndo.SettleAsync(scope.ServiceProvider.GetRequiredService<OrchestratorDb>(), Guid.NewGuid(), "ChargePayment", default, Ct);
        await services.GetRequiredService<Intake>().SubmitAsync(JsonSerializer.Deserialize<SubmitOrder>(await File.ReadAllTextAsync(SampleOf(typeof(SubmitOrder)), Ct), JsonSerializerOptions.Web)!, "key", Ct);
    }

    private static async Task ReadOpsAsync(IServiceProvider services)
    {
        var letters = services.GetRequiredService<DeadLetterDesk>();
        var filter = new DeadLetterFilter("order-state", "SubmitOrder", "JsonException", Guid.NewGuid(), DateTimeOffset.UnixEpoch, DeadLetterStatus.Waiting);
        await letters.ListAsync(filter, page: null, Ct);
        await letters.SelectAsync(new(), page: null, 10, Ct);
        await letters.KindsAsync(filter, Ct);
        await letters.WaitingAsync(Ct);
        await letters.FindAsync(Guid.NewGuid(), Ct);
        await letters.EndedAsync([Guid.NewGuid()], Ct);
        await letters.ReplayAsync(Guid.NewGuid(), "a try", "ann", Ct);
        await letters.DiscardAsync(Guid.NewGuid(), "a test", "ann", Ct);
        await services.GetRequiredService<Resend>().SendAsync(Guid.NewGuid(), DateTimeOffset.UnixEpoch, Ct);
        await services.GetRequiredService<DeadLetterStore>().HandledAsync(Guid.NewGuid(), 1, Guid.NewGuid());
        var alerts = services.GetRequiredService<AlertDesk>();
        await alerts.ListAsync(Guid.NewGuid(), AlertState.GivenUp, page: null, Ct);
        await alerts.OpenAsync(Ct);
        await alerts.ResendAsync(Guid.NewGuid(), "ann", Ct);
        var actions = services.GetRequiredService<OpsActions>();
        await actions.ListAsync(Guid.NewGuid(), mark: null, 10, Ct);
        await actions.ListAsync(sagaId: null, new PageMark(OpsActions.Part, DateTimeOffset.UnixEpoch, Guid.Empty), 10, Ct);
    }

    // Every kind of row is put in, and every column of it changed.
    private static async Task WriteEverythingAsync(IServiceProvider services, Type context)
    {
        await using var scope = services.CreateAsyncScope();
        var db = (DbContext)scope.ServiceProvider.GetRequiredService(context);
        foreach (var entity in db.Model.GetEntityTypes())
        {
            var entry = db.Entry(RuntimeHelpers.GetUninitializedObject(entity.ClrType));
            foreach (var property in entity.GetProperties())
                entry.Property(property.Name).CurrentValue = ValueOf(property);
            entry.State = EntityState.Added;
            await db.SaveChangesAsync(Ct);
            foreach (var property in entry.Properties.Where(p => !p.Metadata.IsKey()))
                property.IsModified = true;
            await db.SaveChangesAsync(Ct);
            db.ChangeTracker.Clear();
        }
    }

    private static object? ValueOf(IProperty property) => (Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType) switch
    {
        var type when type == typeof(string) => "text",
        var type when type == typeof(byte[]) => new byte[] { 1 },
        var type when type == typeof(Guid) => Guid.NewGuid(),
        var type when type == typeof(SubmitOrder) => JsonSerializer.Deserialize<SubmitOrder>(File.ReadAllText(SampleOf(typeof(SubmitOrder))), JsonSerializerOptions.Web),
        { IsValueType: true } type => Activator.CreateInstance(type),
        var type => RuntimeHelpers.GetUninitializedObject(type),
    };

    private static string SampleOf(Type message) => Path.Combine(Repository.Root, "tests", "OrderSaga.Orchestrator.Tests", "Contracts", "Samples", $"{message.Name}.json");

    private static void Intercept<TDb>(IServiceCollection services, AnswersNothing server)
        where TDb : DbContext
        => services.ConfigureDbContext<TDb>(options => options.AddInterceptors(server));

    private sealed class Seen : TSqlFragmentVisitor
    {
        public HashSet<string> Selected { get; } = [];

        public HashSet<string> Inserted { get; } = [];

        public HashSet<string> Updated { get; } = [];

        public List<string> Hints { get; } = [];

        public int Merges { get; private set; }

        public override void Visit(QuerySpecification node) => Selected.UnionWith(Named(node.FromClause));

        public override void Visit(InsertSpecification node) => Inserted.UnionWith(Named(node.Target));

        public override void Visit(UpdateSpecification node) => Updated.UnionWith(Named(node.Target).Concat(Named(node.FromClause)));

        public override void Visit(MergeStatement node) => Merges++;

        public override void Visit(TableHint node) => Hints.Add(node.HintKind.ToString());

        private static List<string> Named(TSqlFragment? fragment)
        {
            var tables = new Tables();
            fragment?.Accept(tables);
            return tables.Names;
        }
    }

    private sealed class Tables : TSqlFragmentVisitor
    {
        public List<string> Names { get; } = [];

        public override void Visit(NamedTableReference node) => Names.Add($"{node.SchemaObject.SchemaIdentifier?.Value}.{node.SchemaObject.BaseIdentifier.Value}");
    }
}
