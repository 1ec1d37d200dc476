using OrderSaga.Messaging.Alerts;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Http;
using OrderSaga.Orchestrator;
using OrderSaga.Services;
using OrderSaga.Web;

namespace OrderSaga.Host;

/// <summary>A configuration that cannot be started with: what key, what value, what to do; all that is wrong at once.</summary>
internal sealed class SettingsException : Exception
{
    public SettingsException(string key, string? value, string remedy) : base($"{key} is '{value}': {remedy}")
    {
    }

    private SettingsException(IEnumerable<string> wrong) : base(string.Join(Environment.NewLine, wrong))
    {
    }

    public static void ThrowIfAny(IEnumerable<(string Key, string? Value, string Remedy)> wrong) =>
        ThrowIfAny([.. wrong.Select(w => new SettingsException(w.Key, w.Value, w.Remedy))]);

    public static void ThrowIfAny(IReadOnlyCollection<SettingsException> wrong)
    {
        if (wrong.Count > 0)
            throw new SettingsException(wrong.Select(e => e.Message));
    }
}

/// <summary>The configuration, read and checked once at the start.</summary>
internal sealed record Settings(IReadOnlySet<string> Roles, DatabaseSettings Database, string Transport, Uri? TransportUri, bool Faults)
{
    public const string InMemory = "InMemory", RabbitMq = "RabbitMq";

    public static readonly IReadOnlyList<string> AllRoles = ["orchestrator", "web", "orders", "inventory", "pricing", "payment", "shipping", "notification"];

    public required PaymentSettings Payment { get; init; }

    /// <summary>Time can be moved, as in Development.</summary>
    public bool MovesClock { get; init; }

    /// <summary>Who needs a database in this process.</summary>
    public static IReadOnlyList<string> OwnersOf(IReadOnlySet<string> roles, PaymentSettings? payment) =>
        [.. roles, DatabaseSettings.Ops, .. payment is { HostsSimulator: true } ? [DatabaseSettings.Gateway] : Array.Empty<string>()];

    public static Settings Read(IConfiguration configuration, bool development = false)
    {
        var wrong = new List<SettingsException>();
        Try(() => Names.Check(configuration));
        IReadOnlySet<string> roles = AllRoles.ToHashSet();
        Try(() => roles = RolesOf(configuration));
        PaymentSettings? payment = null;
        Try(() => payment = PaymentSettings.Read(configuration, roles));
        DatabaseSettings? database = null;
        Try(() => database = DatabaseSettings.Read(configuration, OwnersOf(roles, payment)));
        var (transport, uri, faults) = (InMemory, (Uri?)null, false);
        Try(() => (transport, uri) = TransportOf(configuration, roles));
        Try(() => faults = FlagOf(configuration, "Faults:Enabled", development));
        Try(() => SettingsException.ThrowIfAny(Wrong(configuration)));
        SettingsException.ThrowIfAny(wrong);
        return new(roles, database!, transport, uri, faults) { Payment = payment!, MovesClock = development };

        void Try(Action read)
        {
            try
            {
                read();
            }
            catch (SettingsException e)
            {
                wrong.Add(e);
            }
        }
    }

    private static (string Kind, Uri? Uri) TransportOf(IConfiguration configuration, IReadOnlySet<string> roles)
    {
        var kind = OneOf(configuration, "Transport:Kind", InMemory, RabbitMq);
        if (kind == InMemory && roles.Count < AllRoles.Count)
            throw new SettingsException("Roles", configuration["Roles"], "with Transport:Kind InMemory one process must hold all roles; use RabbitMq to spread them.");
        return (kind, kind == RabbitMq ? UriOf(configuration["Transport:Uri"]) : null);
    }

    // What is wrong in the sections of the rooms.
    private static IEnumerable<(string Key, string? Value, string Remedy)> Wrong(IConfiguration configuration) =>
    [
        .. OrchestratorRoom.Check(configuration), .. Inventory.Check(configuration), .. Shipping.Check(configuration), .. Notification.Check(configuration),
        .. Alerting.Check(configuration), .. DeadLetterOptions.Check(configuration), .. OperatorKeys.Check(configuration), .. WebRoom.Check(configuration),
    ];

    public static IReadOnlySet<string> RolesOf(IConfiguration configuration)
    {
        var value = configuration["Roles"];
        if (string.IsNullOrWhiteSpace(value))
            return AllRoles.ToHashSet();
        var roles = value.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(roles, r => !AllRoles.Contains(r)) is { } unknown)
            throw new SettingsException("Roles", value, $"there is no role '{unknown}'; the roles are {string.Join(", ", AllRoles)}.");
        return roles.ToHashSet();
    }

    internal static string OneOf(IConfiguration configuration, string key, params string[] values)
    {
        var value = configuration[key] ?? values[0];
        return Array.Find(values, v => v.Equals(value, StringComparison.OrdinalIgnoreCase))
            ?? throw new SettingsException(key, value, $"it must be {string.Join(" or ", values)}.");
    }

    private static bool FlagOf(IConfiguration configuration, string key, bool unlessSaid) =>
        string.IsNullOrWhiteSpace(configuration[key]) ? unlessSaid
        : bool.TryParse(configuration[key], out var flag) ? flag
        : throw new SettingsException(key, configuration[key], "it must be true or false.");

    private static Uri UriOf(string? value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var uri) && uri.Scheme is "amqp" or "amqps" && uri.Host.Length > 0
            ? uri
            : throw new SettingsException("Transport:Uri", value is null ? null : "(not shown)", "with Transport:Kind RabbitMq it must look like amqp://user:password@host:5672/vhost.");
}
