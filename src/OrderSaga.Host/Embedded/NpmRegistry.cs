namespace OrderSaga.Host.Embedded;

/// <summary>Where npm packages come from on this machine: npm's own configuration, or the public registry.</summary>
internal static class NpmRegistry
{
    /// <summary>npm's own default.</summary>
    internal static Uri Public { get; } = new UriBuilder(Uri.UriSchemeHttps, "registry.npmjs.org").Uri;

    public static Uri Address(string scope) => Address(scope, Environment.GetEnvironmentVariable, Files().Where(File.Exists).Select(File.ReadAllLines));

    /// <param name="scope">Of the package: it may have a registry of its own.</param>
    /// <param name="environment">A variable's value.</param>
    /// <param name="files">The lines of each .npmrc, the strongest first.</param>
    internal static Uri Address(string scope, Func<string, string?> environment, IEnumerable<string[]> files)
    {
        var lines = files.ToList();
        var said = Said($"{scope}:registry") ?? environment("npm_config_registry") ?? environment("NPM_CONFIG_REGISTRY") ?? Said("registry");
        return Uri.TryCreate(said, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? new(uri.ToString().TrimEnd('/') + "/") : Public;

        string? Said(string key) => lines.SelectMany(file => file).Select(line => line.Split('=', 2, StringSplitOptions.TrimEntries))
            .Where(pair => pair is [var name, _] && name == key).Select(pair => pair[1].Trim('"')).FirstOrDefault();
    }

    // Of the folder, the user and the machine.
    private static IEnumerable<string> Files() =>
    [
        ".npmrc",
        Environment.GetEnvironmentVariable("npm_config_userconfig") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".npmrc"),
        Environment.GetEnvironmentVariable("npm_config_globalconfig") ?? "/usr/local/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc",
    ];
}
