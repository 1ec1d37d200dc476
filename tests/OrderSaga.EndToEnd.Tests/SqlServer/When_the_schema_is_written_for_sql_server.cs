using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.SqlServer.TransactSql.ScriptDom;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.EndToEnd.Tests.SqlServer;

/// <summary>No SQL Server runs here, but its own parser does: what makes every schema must be T-SQL.</summary>
public class When_the_schema_is_written_for_sql_server
{
    public static TheoryData<string> Names => Contexts.Names;

    [Fact]
    public void Should_find_every_owner_of_a_schema() =>
        Assert.Equal(["GatewayDb", "InventoryDb", "NotificationDb", "OpsDb", "OrchestratorDb", "OrdersDb", "PaymentDb", "PricingDb", "ShippingDb"], Contexts.All.Select(c => c.Name).Order());

    [Theory]
    [MemberData(nameof(Names))]
    public void Should_be_read_by_its_parser(string name)
    {
        using var db = Contexts.Open(name, Database.SqlServer("Server=nowhere;Database=none"));
        var made = Made(db.GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent));
        // The scheduler names its own.
        Assert.Equal(name == "OrchestratorDb", made.RemoveAll(table => table.StartsWith("checkout.qrtz_", StringComparison.Ordinal)) > 0);
        Assert.All(made, table => Assert.Matches("^[a-z_]+\\.[a-z_]+$", table));
        var schema = Contexts.SchemaOf(name);
        Assert.Equal(db.Model.GetEntityTypes().Select(e => $"{e.GetSchema()}.{e.GetTableName()}").Append($"{schema}.migrations_history").Order(), made.Order());
        Assert.All(made, table => Assert.StartsWith($"{schema}.", table, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Should_be_printed_whole_without_a_server()
    {
        var printed = await Command.RunAsync(Path.GetTempPath(), ["migrate", "--script", "--Database:Provider", "SqlServer"], TestContext.Current.CancellationToken);
        Assert.Equal((0, ""), (printed.ExitCode, printed.Error));
        Assert.Equal(Contexts.All.Count, Made(printed.Output).Count(table => table.EndsWith(".migrations_history", StringComparison.Ordinal)));
    }

    [Fact]
    public void Should_refuse_what_is_not_its_language()
    {
        TSql.Read("SELECT 1 LIMIT 1", out var errors);
        Assert.NotEmpty(errors);
    }

    private static List<string> Made(string script)
    {
        var parsed = TSql.Read(script);
        var tables = new Tables();
        parsed.Accept(tables);
        return tables.Names;
    }

    private sealed class Tables : TSqlFragmentVisitor
    {
        public List<string> Names { get; } = [];

        public override void Visit(CreateTableStatement node) => Names.Add($"{node.SchemaObjectName.SchemaIdentifier.Value}.{node.SchemaObjectName.BaseIdentifier.Value}");
    }
}
