using Npgsql;
using OrderSaga.Orchestrator;

namespace OrderSaga.Host;

/// <summary>A configuration that cannot be started with: what key, what value, what to do.</summary>
internal sealed class SettingsException(string key, string? value, string remedy)
    : Exception($"{key} is '{value}': {remedy}");

/// <summary>The configuration, read and checked once at the start.</summary>
internal sealed record Settings(IReadOnlySet<string> Roles, string DatabaseProvider, Func<string, string?> DatabaseOf, string Transport, Uri? TransportUri)
{
    public const string Embedded = "Embedded", Postgres = "Postgres";
    public const string InMemory = "InMemory", RabbitMq = "RabbitMq";

    public static readonly IReadOnlyList<string> AllRoles = ["orchestrator", "web", "orders", "inventory", "pricing", "payment", "shipping", "notification"];

    public static Settings Read(IConfiguration configuration)
    {
        var roles = RolesOf(configuration["Roles"]);
        var provider = OneOf(configuration, "Database:Provider", Embedded, Postgres);
        var transport = OneOf(configuration, "Transport:Kind", InMemory, RabbitMq);
        if (provider == Postgres)
            foreach (var key in roles.Select(KeyOf).Prepend("Database:ConnectionString").Where(k => configuration[k] is not null))
                CheckConnectionString(key, configuration[key]!);
        if (provider == Postgres && configuration["Database:ConnectionString"] is null && roles.FirstOrDefault(r => configuration[KeyOf(r)] is null) is { } without)
            throw new SettingsException("Database:ConnectionString", null, $"with Database:Provider Postgres it must be given, or {KeyOf(without)} for each role.");
        if (transport == InMemory && roles.Count < AllRoles.Count)
            throw new SettingsException("Roles", configuration["Roles"], "with Transport:Kind InMemory one process must hold all roles; use RabbitMq to spread them.");
        foreach (var (key, value, remedy) in OrchestratorRoom.Check(configuration))
            throw new SettingsException(key, value, remedy);
        return new(roles, provider, role => configuration[KeyOf(role)] ?? configuration["Database:ConnectionString"], transport,
            transport == RabbitMq ? UriOf(configuration["Transport:Uri"]) : null);
    }

    private static string KeyOf(string role) => $"Database:{role}:ConnectionString";

    private static HashSet<string> RolesOf(string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
            return [.. AllRoles];
        var roles = value.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(roles, r => !AllRoles.Contains(r)) is { } unknown)
            throw new SettingsException("Roles", value, $"there is no role '{unknown}'; the roles are {string.Join(", ", AllRoles)}.");
        return [.. roles];
    }

    private static string OneOf(IConfiguration configuration, string key, params string[] values)
    {
        var value = configuration[key] ?? values[0];
        return Array.Find(values, v => v.Equals(value, StringComparison.OrdinalIgnoreCase))
            ?? throw new SettingsException(key, value, $"it must be {string.Join(" or ", values)}.");
    }

    // The value is never repeated: it has a password in it.
    private static void CheckConnectionString(string key, string value)
    {
        try
        {
            if (new NpgsqlConnectionStringBuilder(value) is { Host: null } or { Database: null })
                throw new SettingsException(key, "(not shown)", "it must name Host and Database.");
        }
        catch (ArgumentException)
        {
            throw new SettingsException(key, "(not shown)", "it is not a PostgreSQL connection string; it looks like Host=..;Database=..;Username=..;Password=..");
        }
    }

    private static Uri UriOf(string? value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var uri) && uri.Scheme is "amqp" or "amqps" && uri.Host.Length > 0
            ? uri
            : throw new SettingsException("Transport:Uri", value is null ? null : "(not shown)", "with Transport:Kind RabbitMq it must look like amqp://user:password@host:5672/vhost.");
}
