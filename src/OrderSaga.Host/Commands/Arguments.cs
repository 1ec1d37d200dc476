namespace OrderSaga.Host.Commands;

/// <summary>What was written behind a command. What the command does not know is an error, not ignored.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> options = [];
    private readonly HashSet<string> flags = [];
    private readonly List<string> places = [];

    private Arguments()
    {
    }

    /// <param name="args">As they were written: <c>--name value</c> or <c>--name=value</c>.</param>
    /// <param name="places">What has to be there, in its order.</param>
    /// <param name="options">Names of options with a value.</param>
    /// <param name="flags">Names of options without.</param>
    public static Arguments Read(IReadOnlyList<string> args, IReadOnlyList<string> places, IReadOnlyCollection<string> options, IReadOnlyCollection<string> flags)
    {
        var read = new Arguments();
        for (var i = 0; i < args.Count; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
            {
                read.places.Add(args[i]);
                continue;
            }

            var (name, value) = args[i].Split('=', 2) is [var before, var after] ? (before, after) : (args[i], null);
            if (flags.Contains(name) && value is null)
                read.flags.Add(name);
            else if (flags.Contains(name))
                throw new UsageException($"{name} takes no value.");
            else if (!options.Contains(name))
                throw new UsageException($"There is no option {name} here; there are {string.Join(", ", options.Concat(flags).Order(StringComparer.Ordinal))}.");
            else if (value is null && ++i == args.Count)
                throw new UsageException($"{name} needs a value.");
            else if (!read.options.TryAdd(name, value ?? args[i]))
                throw new UsageException($"{name} is there twice.");
        }

        if (read.places.Count < places.Count)
            throw new UsageException($"{places[read.places.Count]} is missing.");
        if (read.places.Count > places.Count)
            throw new UsageException($"'{read.places[places.Count]}' is too much.");
        return read;
    }

    /// <summary>The settings among the arguments of a command that takes settings and this flag, and nothing else.</summary>
    public static string[] Settings(IReadOnlyList<string> args, string flag)
    {
        var settings = args.Where(a => a != flag).ToArray();
        for (var i = 0; i < settings.Length; i++)
        {
            var (name, hasValue) = (settings[i].Split('=')[0], settings[i].Contains('=', StringComparison.Ordinal));
            if (!name.StartsWith("--", StringComparison.Ordinal) || !(name.Contains(':', StringComparison.Ordinal) || name is "--roles" or "--urls" or "--environment"))
                throw new UsageException($"There is no option {name} here; there are {flag}, --roles, and settings such as --Database:Provider.");
            if (!hasValue && ++i == settings.Length)
                throw new UsageException($"{name} needs a value.");
        }

        return settings;
    }

    public string this[int place] => places[place];

    public bool Has(string flag) => flags.Contains(flag);

    public string? Option(string name) => options.GetValueOrDefault(name);

    public string Required(string name) => Option(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value : throw new UsageException($"{name} is missing.");

    /// <summary>Those of the options that are given, as filters on the wire.</summary>
    public string Question(IReadOnlyDictionary<string, string> filters) =>
        string.Join('&', filters.Where(f => Option(f.Key) is not null).Select(f => $"{f.Value}={Uri.EscapeDataString(Option(f.Key)!)}"));

    /// <summary>The order's id at a place.</summary>
    public Guid OrderId(int place) => Guid.TryParse(places[place], out var id) ? id : throw new UsageException($"'{places[place]}' is no order's id.");
}
