namespace OrderSaga.Messaging.Alerts;

/// <summary>The section <c>Alerts</c> of the configuration.</summary>
public sealed class AlertOptions
{
    public const string Section = "Alerts";

    private const int ShortestSecret = 16;

    /// <summary>Where alerts are posted; none, and they are only kept.</summary>
    public Uri? Webhook { get; set; }

    /// <summary>What they are signed with.</summary>
    public string? Secret { get; set; }

    internal IEnumerable<(string Key, string? Value, string Remedy)> Check()
    {
        if (Webhook is { } url && !(url.IsAbsoluteUri && url.Scheme is "http" or "https" && url is { Host.Length: > 0, UserInfo: "" }))
            yield return (nameof(Webhook), url.OriginalString.Contains('@', StringComparison.Ordinal) ? "(not shown)" : url.OriginalString, "it must look like https://alerts.example.org/hook, without user and password.");
        if (Webhook is null != Secret is null || Secret is { Length: < ShortestSecret })
            yield return (nameof(Secret), Secret is null ? null : "(not shown)",
                $"Webhook and Secret are given together, or neither; it has at least {ShortestSecret} characters, which the receiver knows too: by them he can tell that an alert is ours.");
    }
}
