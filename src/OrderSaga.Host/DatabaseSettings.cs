using System.Globalization;
using Microsoft.Data.SqlClient;
using Npgsql;
using OrderSaga.Host.Embedded;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host;

/// <summary>Which databases the roles are given; read and checked like the other settings.</summary>
internal sealed class DatabaseSettings
{
    public const string Embedded = "Embedded", Postgres = "Postgres", SqlServer = "SqlServer";

    /// <summary>What every process needs beside the databases of its roles: what waits for a person, such as dead letters.</summary>
    public const string Ops = "ops";

    /// <summary>The gateway simulator's, where it is hosted.</summary>
    public const string Gateway = "gateway";

    private const string ConnectionString = "Database:ConnectionString", MaxBatchSize = "Database:SqlServer:MaxBatchSize", Programs = "Database:Embedded:Programs";

    private readonly IConfiguration configuration;
    private readonly int? maxBatchSize;

    private DatabaseSettings(IConfiguration configuration, string provider, int? maxBatchSize) =>
        (this.configuration, Provider, this.maxBatchSize) = (configuration, provider, maxBatchSize);

    public string Provider { get; }

    /// <summary>Where the embedded server's programs come from.</summary>
    public PostgresSource EmbeddedPrograms => PostgresSource.Of(configuration[Programs]);

    /// <param name="configuration">The configuration.</param>
    /// <param name="roles">Those that will be asked for a database.</param>
    /// <param name="connects">Whether any will be connected to; it need not be said then where they are.</param>
    public static DatabaseSettings Read(IConfiguration configuration, IEnumerable<string> roles, bool connects = true)
    {
        var provider = Settings.OneOf(configuration, "Database:Provider", Embedded, Postgres, SqlServer);
        if (provider != Embedded)
            foreach (var key in roles.Select(KeyOf).Prepend(ConnectionString).Where(k => configuration[k] is not null))
                CheckConnectionString(provider, key, configuration[key]!);
        if (provider != Embedded && connects && configuration[ConnectionString] is null && roles.FirstOrDefault(r => configuration[KeyOf(r)] is null) is { } without)
            throw new SettingsException(ConnectionString, null, $"with Database:Provider {provider} it must be given, or {KeyOf(without)} for each role.");
        if (provider == SqlServer && connects && !HasCultures())
            throw new SettingsException("Database:Provider", provider, "its driver needs cultures, which are switched off here: unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT, and install ICU (Debian: apt-get install libicu-dev).");
        CheckPrograms(configuration[Programs]);
        return new(configuration, provider, MaxBatchSizeOf(configuration[MaxBatchSize]));
    }

    /// <summary>The database of a role; one pool per database, however many roles share it.</summary>
    /// <param name="embedded">The connection string of the embedded server, if it is the one.</param>
    public Func<string, Database> Open(string? embedded)
    {
        var open = new Dictionary<string, Database>();
        return role =>
        {
            var connection = embedded ?? configuration[KeyOf(role)] ?? configuration[ConnectionString]!;
            return open.TryGetValue(connection, out var known) ? known : open[connection] = Of(connection);
        };
    }

    /// <summary>A database that knows its dialect and is nowhere.</summary>
    public Database Unconnected() => Of("Server=nowhere;Database=none");

    private Database Of(string connection) => Provider == SqlServer ? Database.SqlServer(connection, maxBatchSize) : Database.Postgres(connection);

    /// <summary>Whether it was said where the role's database is.</summary>
    public bool Knows(string role) => Provider == Embedded || (configuration[KeyOf(role)] ?? configuration[ConnectionString]) is not null;

    public static string KeyOf(string role) => $"Database:{role}:ConnectionString";

    // The value is never repeated: it has a password in it.
    private static void CheckConnectionString(string provider, string key, string value)
    {
        try
        {
            if (provider == Postgres && new NpgsqlConnectionStringBuilder(value) is { Host: null } or { Database: null })
                throw new SettingsException(key, "(not shown)", "it must name Host and Database.");
            if (provider == SqlServer && new SqlConnectionStringBuilder(value) is { DataSource: "" } or { InitialCatalog: "" })
                throw new SettingsException(key, "(not shown)", "it must name Server and Database.");
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
        {
            throw new SettingsException(key, "(not shown)", provider == Postgres
                ? "it is not a PostgreSQL connection string; it looks like Host=..;Database=..;Username=..;Password=.."
                : "it is not a SQL Server connection string; it looks like Server=..;Database=..;User Id=..;Password=..");
        }
    }

    private static int? MaxBatchSizeOf(string? value) =>
        value is null ? null
        : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size is >= 1 and <= 1000 ? size
        : throw new SettingsException(MaxBatchSize, value, "it must be a number from 1 to 1000; 1 is for servers without MERGE.");

    private static void CheckPrograms(string? value)
    {
        if (PostgresSource.Of(value) is { Package: null, Places: [var folder] } && folder == value && !(Path.IsPathFullyQualified(folder) && Directory.Exists(folder)))
            throw new SettingsException(Programs, value, $"it must be {PostgresSource.Any} (of this machine, else fetched), {PostgresSource.Machine}, {PostgresSource.Fetched}, or the full path of the folder that holds initdb, pg_ctl and postgres.");
        if (PostgresSource.Of(value) is { Package: null, Places: [] })
            throw new SettingsException(Programs, value, "there is no package of PostgreSQL for this system; install it, or name the folder of its programs.");
    }

    private static bool HasCultures()
    {
        try
        {
            return !CultureInfo.GetCultureInfo("en-US").EnglishName.Contains("Invariant", StringComparison.Ordinal);
        }
        catch (CultureNotFoundException)
        {
            return false;
        }
    }
}
