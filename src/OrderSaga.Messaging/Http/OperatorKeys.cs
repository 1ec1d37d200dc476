using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;

namespace OrderSaga.Messaging.Http;

/// <summary>The keys of the section <c>Ops</c>: whose they are, and what they are good for. They are kept as hashes, and never shown.</summary>
public sealed class OperatorKeys
{
    private const string Section = "Ops", ApiKey = $"{Section}:ApiKey", Actors = $"{Section}:Actors", Readers = $"{Section}:Readers";
    private const int LongestName = 100, Short = 16;

    private readonly List<(Holder Holder, byte[] Hash)> keys = [];
    private readonly List<(string Key, string? Value, string Remedy)> wrong = [];

    private OperatorKeys(IConfiguration configuration)
    {
        if (configuration.GetSection(Section).GetChildren().FirstOrDefault(c => !new[] { ApiKey, Actors, Readers }.Contains(c.Path, StringComparer.OrdinalIgnoreCase)) is { } unknown)
            wrong.Add((unknown.Path, "(not shown)", $"there is no such key; there are {ApiKey}, {Actors} and {Readers}."));
        if (configuration[ApiKey] is { } key)
            Add(ApiKey, new("operator", MayAct: true), key.Trim(), "it must be a key: visible characters without blanks; leave it out where there is none.");
        AddAll(configuration, Actors, mayAct: true);
        AddAll(configuration, Readers, mayAct: false);
    }

    /// <summary>Who is known by a key.</summary>
    public sealed record Holder(string Name, bool MayAct);

    /// <summary>Whether there are keys; without, nobody is known by one.</summary>
    public bool Any => keys.Count > 0;

    /// <summary>What there is, in a line for people.</summary>
    public string Summary => $"{keys.Count(k => k.Holder.MayAct)} may act, {keys.Count(k => !k.Holder.MayAct)} may look{(HasShort ? $"; some keys have less than {Short} characters, and can be guessed" : "")}";

    private bool HasShort { get; set; }

    /// <summary>What the configuration says; check it before.</summary>
    public static OperatorKeys Of(IConfiguration configuration) => new(configuration);

    /// <summary>What is wrong with the section, with the key and the remedy.</summary>
    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) => new OperatorKeys(configuration).wrong;

    /// <summary>Whose key that is. Every key is compared with, and all of each: time tells nothing.</summary>
    internal Holder? HolderOf(string? key)
    {
        var hash = Hash(key ?? "");
        Holder? holder = null;
        foreach (var known in keys)
            if (CryptographicOperations.FixedTimeEquals(known.Hash, hash))
                holder = known.Holder;
        return holder;
    }

    /// <summary>What only who has the key of that name could have said about a text; of several keys of one name, for each.</summary>
    internal IEnumerable<(Holder Holder, byte[] Proof)> Prove(string name, string text) =>
        keys.Where(k => k.Holder.Name == name).Select(k => (k.Holder, HMACSHA256.HashData(k.Hash, Encoding.UTF8.GetBytes(text))));

    private void AddAll(IConfiguration configuration, string from, bool mayAct)
    {
        const string remedy = "it must be a list such as ann:KEY,bob:KEY, where a name has up to 100 characters, and a key visible characters without blanks.";
        if (configuration[from] is not { } list)
            return;
        foreach (var entry in list.Split(',', StringSplitOptions.TrimEntries))
        {
            var colon = entry.IndexOf(':', StringComparison.Ordinal);
            if (colon is < 1 or > LongestName || !IsVisible(entry[..colon]))
                wrong.Add((from, "(not shown)", remedy));
            else
                Add(from, new(entry[..colon], mayAct), entry[(colon + 1)..], remedy);
        }
    }

    private void Add(string from, Holder holder, string key, string remedy)
    {
        var hash = Hash(key);
        if (key.Length == 0 || !IsVisible(key))
            wrong.Add((from, "(not shown)", remedy));
        else if (keys.Exists(k => k.Hash.AsSpan().SequenceEqual(hash)))
            wrong.Add((from, "(not shown)", $"the key of {holder.Name} is also {keys.Find(k => k.Hash.AsSpan().SequenceEqual(hash)).Holder.Name}'s: give each a key of its own."));
        else
            keys.Add((holder, hash));
        HasShort |= key.Length < Short;
    }

    private static bool IsVisible(string text) => text.All(c => c is > ' ' and < '\x7f');

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
