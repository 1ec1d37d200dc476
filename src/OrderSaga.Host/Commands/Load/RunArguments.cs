namespace OrderSaga.Host.Commands.Load;

/// <summary>What stands on the command line of a run: options of its own, and settings of the shop.</summary>
internal static class RunArguments
{
    /// <summary>Settings of the shop have a colon in their names; all else is ours.</summary>
    public static (string[] Ours, string[] Settings) Split(string[] args)
    {
        var (ours, theirs) = (new List<string>(), new List<string>());
        for (var i = 0; i < args.Length; i++)
        {
            var isSetting = args[i].StartsWith("--", StringComparison.Ordinal) && args[i].Split('=')[0].Contains(':', StringComparison.Ordinal);
            (isSetting ? theirs : ours).Add(args[i]);
            if (!isSetting || args[i].Contains('=', StringComparison.Ordinal))
                continue;
            theirs.Add(++i < args.Length ? args[i] : throw new UsageException($"{args[i - 1]} needs a value."));
        }

        return ([.. ours], [.. theirs]);
    }

    /// <summary>Names and values of settings.</summary>
    public static IEnumerable<(string Name, string Value)> Pairs(string[] settings)
    {
        for (var i = 0; i < settings.Length; i++)
            yield return settings[i].Split('=', 2) is [var name, var value] ? (name, value) : (settings[i], settings[++i]);
    }

    /// <summary>An address; of the management with user and password.</summary>
    public static Uri? UrlOf(string option, Arguments arguments) =>
        arguments.Option(option) is not { } text ? null
        : Uri.TryCreate(text.EndsWith('/') ? text : $"{text}/", UriKind.Absolute, out var at) && at.Scheme is "http" or "https" && at is { Query: "", Fragment: "" } && (at.UserInfo.Length == 0 || option == RabbitManagement.Option)
            ? at
            : throw new UsageException($"{option} must look like http://127.0.0.1:5080.");
}
