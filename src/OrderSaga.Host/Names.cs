using Microsoft.Extensions.Configuration.EnvironmentVariables;
using OrderSaga.Messaging;

namespace OrderSaga.Host;

/// <summary>
/// Finds keys that are misspelt. Of the program's own sections every key is known; what stands beside them belongs to others, such as
/// the environment's variables, unless its name is nearly one of ours.
/// </summary>
internal static class Names
{
    private static readonly string[] Sections = ["Database", "Transport", "Roles", "Checkout", "Faults", "Inventory", "Payment", "Notification", "Shipping", "Alerts", "DeadLetters", "Ops", "Web"];

    // A section's own keys are checked where it is read; these are read here and there.
    private static readonly Dictionary<string, string[]> Keys = new()
    {
        ["Database"] = ["Provider", "ConnectionString", "SqlServer", "Embedded", .. Settings.AllRoles, DatabaseSettings.Ops, DatabaseSettings.Gateway],
        ["Database:SqlServer"] = ["MaxBatchSize"],
        ["Database:Embedded"] = ["Programs"],
        ["Transport"] = ["Kind", "Uri"],
        ["Faults"] = ["Enabled"],
    };

    /// <exception cref="SettingsException">Some are.</exception>
    public static void Check(IConfiguration configuration) => SettingsException.ThrowIfAny(configuration.GetChildren().SelectMany(s => NearlyOurs(configuration, s))
        .Concat(Keys.SelectMany(known => Section.Unknown(configuration.GetSection(known.Key), known.Value)))
        .Concat(from owner in Keys["Database"].Skip(4) from wrong in Section.Unknown(configuration.GetSection($"Database:{owner}"), "ConnectionString") select wrong));

    private static IEnumerable<(string Key, string? Value, string Remedy)> NearlyOurs(IConfiguration configuration, IConfigurationSection section)
    {
        if (Sections.Contains(section.Key, StringComparer.OrdinalIgnoreCase) || Section.Nearest(section.Key, Sections) is not { } meant)
            yield break;
        // A variable of the environment without a part after it is somebody else's.
        var deeper = section.GetChildren().FirstOrDefault();
        if (deeper is not null || !IsFromEnvironment(configuration, section.Path))
            yield return ((deeper ?? section).Path, "(not shown)", $"there is no section '{section.Key}'; '{meant}' may be meant.");
    }

    private static bool IsFromEnvironment(IConfiguration configuration, string key) =>
        configuration is IConfigurationRoot root && root.Providers.LastOrDefault(p => p.TryGet(key, out _)) is EnvironmentVariablesConfigurationProvider;
}
