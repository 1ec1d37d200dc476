using System.Data.Common;
using Microsoft.Extensions.Logging.Console;
using OrderSaga.Host.Commands;
using OrderSaga.Host.Embedded;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host;

/// <summary>
/// The command migrate: what every start does to the databases of its roles, on its own. For those who want it done before the start, by
/// an account that may change tables, or by hand.
/// </summary>
internal static class Migrate
{
    public static async Task<int> RunAsync(string[] args)
    {
        var script = args.Contains("--script");
        var builder = Start.Configured(Arguments.Settings(args, "--script"));
        // What is printed is the result; what is logged goes beside it.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        try
        {
            Names.Check(builder.Configuration);
            var roles = Settings.RolesOf(builder.Configuration);
            var payment = PaymentSettings.Read(builder.Configuration, roles);
            var database = DatabaseSettings.Read(builder.Configuration, Settings.OwnersOf(roles, payment), connects: !script);
            var settings = new Settings(roles, database, Settings.InMemory, null, Faults: false) { Payment = payment };
            if (script)
                await PrintAsync(builder, settings);
            else
                await UpdateAsync(builder, settings);
            return 0;
        }
        catch (Exception e) when (e is SettingsException or EmbeddedPostgresException or SchemaException || OfDatabase(e) is not null)
        {
            Console.Error.WriteLine((OfDatabase(e) ?? e).Message);
            return 1;
        }
    }

    // EF wraps what it thinks may pass by itself.
    internal static DbException? OfDatabase(Exception? e) => e is null or DbException ? e as DbException : OfDatabase(e.InnerException);

    private static async Task PrintAsync(WebApplicationBuilder builder, Settings settings)
    {
        var database = settings.Database.Unconnected();
        builder.Services.AddRoles(settings, _ => database);
        await using var app = builder.Build();
        Console.Out.Write(database.ScriptHead);
        foreach (var schema in app.Services.GetServices<Schema>())
            Console.Out.Write($"-- {schema.Name}\n{schema.Script().ReplaceLineEndings("\n")}\n");
    }

    private static async Task UpdateAsync(WebApplicationBuilder builder, Settings settings)
    {
        await using var embedded = settings.Database.Provider == DatabaseSettings.Embedded ? await Start.EmbeddedAsync(builder.Logging, settings.Database) : null;
        builder.Services.AddRoles(settings, settings.Database.Open(embedded?.ConnectionString));
        await using var app = builder.Build();
        foreach (var schema in app.Services.GetServices<Schema>())
            Console.WriteLine($"{schema.Name}: {Outcome(await schema.UpdateAsync(CancellationToken.None))}");
    }

    private static string Outcome(SchemaChange change) => change switch
    {
        { Made: true } => $"made ({string.Join(", ", change.Applied)})",
        { Applied.Count: > 0 } => $"changed ({string.Join(", ", change.Applied)})",
        { Unknown.Count: > 0 } => $"changed by a newer version ({string.Join(", ", change.Unknown)}); left as it is",
        _ => "current",
    };
}
