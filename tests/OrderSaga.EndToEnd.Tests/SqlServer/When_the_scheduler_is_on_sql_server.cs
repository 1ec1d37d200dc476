using Microsoft.SqlServer.TransactSql.ScriptDom;
using OrderSaga.Messaging.Scheduling;

namespace OrderSaga.EndToEnd.Tests.SqlServer;

/// <summary>No SQL Server runs here, but its own parser does.</summary>
public class When_the_scheduler_is_on_sql_server
{
    private const string Provider = "Microsoft.EntityFrameworkCore.SqlServer";

    [Fact]
    public void Should_make_its_tables_in_the_schema_of_the_saga()
    {
        var tables = new Tables();
        foreach (var statement in QuartzTables.Statements(Provider, "checkout"))
        {
            using var reader = new StringReader(statement);
            var parsed = new TSql150Parser(initialQuotedIdentifiers: true).Parse(reader, out var errors);
            Assert.True(errors.Count == 0, $"{string.Join('\n', errors.Select(e => $"line {e.Line}: {e.Message}"))}\n{statement}");
            // A migration runs them again without harm.
            Assert.IsType<IfStatement>(Assert.Single(((TSqlScript)parsed).Batches.SelectMany(b => b.Statements)));
            parsed.Accept(tables);
        }

        Assert.Contains("checkout.qrtz_TRIGGERS", tables.Names);
        Assert.All(tables.Names, table => Assert.StartsWith("checkout.qrtz_", table, StringComparison.Ordinal));
    }

    [Fact]
    public void Should_say_which_databases_it_has_tables_for() =>
        Assert.Contains(Provider, Assert.Throws<ArgumentException>(() => QuartzTables.Statements("Pomelo", "checkout")).Message, StringComparison.Ordinal);

    private sealed class Tables : TSqlFragmentVisitor
    {
        public List<string> Names { get; } = [];

        public override void Visit(CreateTableStatement node) => Names.Add($"{node.SchemaObjectName.SchemaIdentifier?.Value}.{node.SchemaObjectName.BaseIdentifier.Value}");
    }
}
