using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.SqlServer.TransactSql.ScriptDom;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.EndToEnd.Tests.SqlServer;

/// <summary>No SQL Server runs here, but its own parser does: every context's schema must be T-SQL.</summary>
public class When_the_schema_is_written_for_sql_server
{
    private static readonly IReadOnlyList<Type> Contexts =
        [.. Directory.GetFiles(AppContext.BaseDirectory, "OrderSaga.*.dll").Where(f => !Path.GetFileName(f).Contains("Tests", StringComparison.Ordinal)).Select(Assembly.LoadFrom)
            .SelectMany(a => a.GetTypes()).Where(t => t.IsSubclassOf(typeof(DbContext)) && !t.IsAbstract)];

    public static TheoryData<string> Names => [.. Contexts.Select(c => c.Name)];

    [Fact]
    public void Should_find_every_owner_of_a_schema() =>
        Assert.Equal(["InventoryDb", "NotificationDb", "OpsDb", "OrchestratorDb", "OrdersDb", "PaymentDb", "PricingDb", "ShippingDb"], Contexts.Select(c => c.Name).Order());

    [Theory]
    [MemberData(nameof(Names))]
    public void Should_be_read_by_its_parser(string name)
    {
        var script = Script(name);
        var parsed = Parse(script, out var errors);
        Assert.True(errors.Count == 0, $"{string.Join('\n', errors.Select(e => $"line {e.Line}: {e.Message}"))}\n{script}");
        var tables = new Tables();
        parsed.Accept(tables);
        Assert.NotEmpty(tables.Names);
        Assert.All(tables.Names, table => Assert.Matches("^[a-z_]+\\.[a-z_]+$", table));
    }

    [Fact]
    public void Should_refuse_what_is_not_its_language()
    {
        Parse("SELECT 1 LIMIT 1", out var errors);
        Assert.NotEmpty(errors);
    }

    private static string Script(string name)
    {
        var context = Contexts.Single(c => c.Name == name);
        var options = (DbContextOptionsBuilder)Activator.CreateInstance(typeof(DbContextOptionsBuilder<>).MakeGenericType(context))!;
        Database.SqlServer("Server=nowhere;Database=none").Configure(options);
        using var db = (DbContext)Activator.CreateInstance(context, options.Options)!;
        return db.Database.GenerateCreateScript();
    }

    private static TSqlFragment Parse(string script, out IList<ParseError> errors)
    {
        using var reader = new StringReader(script);
        return new TSql150Parser(initialQuotedIdentifiers: true).Parse(reader, out errors);
    }

    private sealed class Tables : TSqlFragmentVisitor
    {
        public List<string> Names { get; } = [];

        public override void Visit(CreateTableStatement node) => Names.Add($"{node.SchemaObjectName.SchemaIdentifier.Value}.{node.SchemaObjectName.BaseIdentifier.Value}");
    }
}
