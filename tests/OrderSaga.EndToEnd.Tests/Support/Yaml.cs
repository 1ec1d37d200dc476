using System.Text.RegularExpressions;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>
/// Reads as much YAML as our compose files need: mappings and sequences, in blocks and in braces, anchors, aliases and merges. What it
/// does not know fails. Maps are dictionaries, sequences lists, all else is text.
/// </summary>
internal sealed partial class Yaml
{
    private readonly List<(int Indent, string Text)> lines;
    private readonly Dictionary<string, object> anchors = [];
    private int at;

    private Yaml(string text) => lines = [.. text.Split('\n').Select(WithoutComment).Where(l => l.Trim().Length > 0).Select(l => (l.Length - l.TrimStart().Length, l.Trim()))];

    public static Dictionary<string, object> Read(string text) => new Yaml(text).Block(0);

    private Dictionary<string, object> Block(int indent)
    {
        var map = new Dictionary<string, object>();
        while (at < lines.Count && lines[at].Indent == indent)
        {
            if (Entry.Match(lines[at].Text) is not { Success: true } entry)
                throw new FormatException($"Not an entry: {lines[at].Text}");
            at++;
            var (key, anchor, rest) = (entry.Groups["key"].Value, entry.Groups["anchor"].Value, entry.Groups["rest"].Value);
            var value = rest.Length > 0 ? Flow(rest) : at < lines.Count && lines[at].Indent > indent ? Block(lines[at].Indent) : throw new FormatException($"{key} is empty.");
            if (anchor.Length > 0)
                anchors.Add(anchor, value);
            Put(map, key, value);
        }

        return at < lines.Count && lines[at].Indent > indent ? throw new FormatException($"Indented for no reason: {lines[at].Text}") : map;
    }

    private object Flow(string text)
    {
        var left = text;
        var value = Value(ref left);
        return left.Trim().Length == 0 ? value : throw new FormatException($"Not read: {left}");
    }

    private object Value(ref string left)
    {
        left = left.TrimStart();
        switch (left[0])
        {
            case '{':
                var map = new Dictionary<string, object>();
                for (left = left[1..].TrimStart(); !Take(ref left, "}"); _ = Take(ref left, ","))
                {
                    var key = Scalar(ref left, ":");
                    if (!Take(ref left, ":"))
                        throw new FormatException($"A colon is missing: {left}");
                    Put(map, key, Value(ref left));
                }

                return map;
            case '[':
                var list = new List<object>();
                for (left = left[1..].TrimStart(); !Take(ref left, "]"); _ = Take(ref left, ","))
                    list.Add(Value(ref left));
                return list;
            case '*':
                return anchors[Scalar(ref left, ",}]")[1..]];
            case '&' or '!' or '|' or '>' or '-' when left.Length == 1 || left[0] != '-':
                throw new FormatException($"Not known: {left}");
            default:
                return Scalar(ref left, ",}]");
        }
    }

    private static string Scalar(ref string left, string ends)
    {
        var quoted = Quoted.Match(left);
        var text = quoted.Success ? quoted.Value : new string([.. left.TakeWhile(c => !ends.Contains(c))]);
        left = left[text.Length..].TrimStart();
        return quoted.Success ? text[1..^1] : text.Trim();
    }

    private static bool Take(ref string left, string token)
    {
        if (!left.StartsWith(token, StringComparison.Ordinal))
            return false;
        left = left[token.Length..].TrimStart();
        return true;
    }

    // What is said here wins over what is merged.
    private static void Put(Dictionary<string, object> map, string key, object value)
    {
        if (key != "<<")
            map[key] = value;
        else
            foreach (var (name, merged) in (Dictionary<string, object>)value)
                map.TryAdd(name, merged);
    }

    private static string WithoutComment(string line) => Comment.Replace(line, "").TrimEnd();

    [GeneratedRegex("""^(?<key>[\w.<-]+):(\s+&(?<anchor>\w+))?(\s+(?<rest>.+))?$""")]
    private static partial Regex Entry { get; }

    [GeneratedRegex("""^("[^"\\]*"|'[^']*')""")]
    private static partial Regex Quoted { get; }

    [GeneratedRegex("""(^|\s)#.*$""")]
    private static partial Regex Comment { get; }
}
