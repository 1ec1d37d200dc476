using Microsoft.EntityFrameworkCore.Migrations;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>The migration that makes the scheduler's tables in a schema. It stands beside the generated ones, and may run before them.</summary>
public abstract class MakeQuartzTables(string schema) : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.EnsureSchema(schema);
        foreach (var statement in QuartzTables.Statements(ActiveProvider!, schema))
            migrationBuilder.Sql(statement);
    }
}

/// <summary>
/// The tables of the scheduler, in the schema of the saga that it serves, from Quartz's own script. What is there is left as it is, so
/// the statements may run again.
/// </summary>
public static class QuartzTables
{
    private const string Separator = "--;;";

    private static readonly Dictionary<string, string> Scripts = new()
    {
        ["Npgsql.EntityFrameworkCore.PostgreSQL"] = "create_postgres.sql",
        ["Microsoft.EntityFrameworkCore.SqlServer"] = "create_sqlServer.sql",
    };

    /// <summary>The statements that make what is missing, in their order. The schema itself must be there.</summary>
    /// <param name="provider">The name of EF Core's provider: <c>migrationBuilder.ActiveProvider</c> or <c>db.Database.ProviderName</c>.</param>
    /// <param name="schema">The schema of the saga.</param>
    public static IReadOnlyList<string> Statements(string provider, string schema)
    {
        if (!Scripts.TryGetValue(provider, out var script))
            throw new ArgumentException($"Quartz has no tables for the provider {provider} here; there are some for {string.Join(" and ", Scripts.Keys)}.", nameof(provider));
        using var resource = typeof(Quartz.IScheduler).Assembly.GetManifestResourceStream($"Quartz.Impl.AdoJobStore.Schema.{script}")
            ?? throw new InvalidOperationException($"This version of Quartz does not bring {script}.");
        using var reader = new StreamReader(resource);
        // Names of indexes and constraints cannot carry a schema: they get the prefix without it.
        var text = reader.ReadToEnd().ReplaceLineEndings("\n").Replace("{0}", Prefix(schema), StringComparison.Ordinal).Replace("{1}", Unqualified, StringComparison.Ordinal);
        return [.. text.Split($"\n{Separator}\n").Select(s => s.Trim()).Where(HasMoreThanComments)];
    }

    internal static string Prefix(string schema) => $"{schema}.{Unqualified}";

    private const string Unqualified = "qrtz_";

    private static bool HasMoreThanComments(string statement) => statement.Split('\n').Any(line => line.Length > 0 && !line.StartsWith("--", StringComparison.Ordinal));
}
