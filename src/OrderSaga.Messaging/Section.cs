using System.ComponentModel;
using System.Globalization;
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
        var unreadable = Unreadable(configuration.GetSection(section), typeof(TOptions), looksLike).ToList();
        if (unreadable.Count > 0)
            return unreadable;
        var options = new TOptions();
        configuration.GetSection(section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        return [.. check(options).Select(wrong => ($"{section}:{wrong.Key}", wrong.Value, wrong.Remedy))];
    }

    /// <summary>What is wrong with keys that no one of the known ones is; their values are not repeated, for they may be meant for a secret.</summary>
    public static IEnumerable<(string Key, string? Value, string Remedy)> Unknown(IConfigurationSection section, params string[] known) =>
        from child in section.GetChildren()
        where !known.Contains(child.Key, StringComparer.OrdinalIgnoreCase)
        select (child.Path, (string?)"(not shown)", $"there is no such key; {(Nearest(child.Key, known) is { } meant ? $"{section.Path}:{meant} may be meant." : $"the keys are {string.Join(", ", known.Select(k => $"{section.Path}:{k}"))}.")}");

    /// <summary>The name that somebody who wrote this may have meant.</summary>
    public static string? Nearest(string written, IEnumerable<string> known) =>
        known.Select(name => (Name: name, Distance: Distance(written.ToLowerInvariant(), name.ToLowerInvariant())))
            .Where(n => n.Distance <= (n.Name.Length < 5 ? 1 : 2)).OrderBy(n => n.Distance).Select(n => n.Name).FirstOrDefault();

    private static IEnumerable<(string Key, string? Value, string Remedy)> Unreadable(IConfigurationSection section, Type options, string looksLike)
    {
        var properties = options.GetProperties().Where(p => p.CanWrite).ToDictionary(p => p.Name, p => p.PropertyType, StringComparer.OrdinalIgnoreCase);
        return Unknown(section, [.. properties.Keys])
            .Concat(section.GetChildren().Where(c => properties.ContainsKey(c.Key)).SelectMany(c => UnreadableValue(c, properties[c.Key], looksLike)));
    }

    private static IEnumerable<(string Key, string? Value, string Remedy)> UnreadableValue(IConfigurationSection value, Type type, string looksLike)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        // What a text says whole, such as an address, has no keys of its own.
        var several = type.IsArray || (type.IsClass && !TypeDescriptor.GetConverter(type).CanConvertFrom(typeof(string)));
        if (several && !string.IsNullOrEmpty(value.Value))
            return [(value.Path, value.Value, $"it has keys of its own, such as {value.Path}:{(type.IsArray ? "0" : "Name")}; {looksLike}")];
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Dictionary<,>))
            return value.GetChildren().SelectMany(c => UnreadableValue(c, type.GetGenericArguments()[1], looksLike));
        if (type.IsArray)
            return value.GetChildren().SelectMany(c => UnreadableValue(c, type.GetElementType()!, looksLike));
        if (several)
            return Unreadable(value, type, looksLike);
        return Reads(value.Value, type) ? [] : [(value.Path, value.Value, looksLike)];
    }

    private static bool Reads(string? value, Type type)
    {
        if (type == typeof(string) || value is null)
            return value is not null || type == typeof(string);
        try
        {
            return TypeDescriptor.GetConverter(type).ConvertFromString(null, CultureInfo.InvariantCulture, value) is not null;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or NotSupportedException or OverflowException)
        {
            return false;
        }
    }

    // How many letters have to be changed, added, left out or exchanged with their neighbour.
    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }

                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }

        return d[a.Length, b.Length];
    }
}
