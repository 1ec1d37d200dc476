using System.Globalization;

namespace OrderSaga.Host;

/// <summary>Where payments are made; read and checked like the other settings.</summary>
/// <param name="GatewayUrl">The payment gateway; none where the simulator stands for it.</param>
/// <param name="HostsSimulator">This process is the gateway for its own payments.</param>
/// <param name="SlowTime">How long the simulator takes with the token that is slow.</param>
internal sealed record PaymentSettings(Uri? GatewayUrl, bool HostsSimulator, TimeSpan SlowTime)
{
    private const string Section = "Payment", Url = $"{Section}:GatewayUrl", Slow = $"{Section}:SimulatorSlowTime";

    // Longer than a step has, unless it is given more.
    private static readonly TimeSpan UsualSlowTime = TimeSpan.FromSeconds(70);

    public static PaymentSettings Read(IConfiguration configuration, IReadOnlySet<string> roles)
    {
        // A key that is misspelt would leave the simulator where real money is meant.
        SettingsException.ThrowIfAny(Messaging.Section.Unknown(configuration.GetSection(Section), "GatewayUrl", "SimulatorSlowTime"));
        var url = UrlOf(configuration[Url]);
        return new(url, url is null && roles.Contains("payment"), SlowTimeOf(configuration[Slow]));
    }

    private static Uri? UrlOf(string? value) =>
        string.IsNullOrWhiteSpace(value) ? null
        : Uri.TryCreate(value, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri is { Host.Length: > 0, UserInfo: "", Query: "", Fragment: "" }
            // Without the slash at its end the last part of a path would be replaced, not added to.
            ? uri.AbsolutePath.EndsWith('/') ? uri : new($"{uri}/")
            : throw new SettingsException(Url, value.Contains('@', StringComparison.Ordinal) ? "(not shown)" : value,
                "it must look like https://payments.example.org, without user, password or query; leave it out for the simulator.");

    private static TimeSpan SlowTimeOf(string? value) =>
        value is null ? UsualSlowTime
        : TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time) && time > TimeSpan.Zero && time <= TimeSpan.FromDays(1) ? time
        : throw new SettingsException(Slow, value, "it must be a time such as 00:01:10, up to a day.");
}
