using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging;

/// <summary>A room's section of the configuration. A key that nobody knows is a mistake, not a default.</summary>
public static class Section
{
    /// <summary>Gives the room its options.</summary>
    public static void AddSection<TOptions>(this IServiceCollection services, string section)
        where TOptions : class
        => services.AddOptions<TOptions>().BindConfiguration(section, binder => binder.ErrorOnUnknownConfiguration = true);

    /// <summary>What is wrong with a section: each key with its value and the remedy.</summary>
    /// <param name="configuration">The whole of it.</param>
    /// <param name="section">The section's name.</param>
    /// <param name="looksLike">What its values look like, in a sentence, for what cannot be read at all.</param>
    /// <param name="check">What is wrong with what can be read.</param>
    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check<TOptions>(
        IConfiguration configuration, string section, string looksLike, Func<TOptions, IEnumerable<(string Key, string? Value, string Remedy)>> check)
        where TOptions : class, new()
    {
        try
        {
            var options = new TOptions();
            configuration.GetSection(section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
            return [.. check(options).Select(wrong => ($"{section}:{wrong.Key}", wrong.Value, wrong.Remedy))];
        }
        catch (InvalidOperationException e)
        {
            // One of the binder's sentences names the key.
            var why = e.Message.Contains($"'{section}:", StringComparison.Ordinal) ? e.Message : e.InnerException?.Message ?? e.Message;
            return [(section, "(see below)", $"{why} {looksLike}")];
        }
    }
}
