using System.Globalization;
using System.Text.RegularExpressions;

namespace OrderSaga.EndToEnd.Tests.House;

/// <summary>Everything on a page can be read, light and dark: text 4.5 to 1 on whatever it stands, shapes and borders of what can be operated 3 to 1.</summary>
public partial class When_colours_are_chosen
{
    private const string Style = "src/OrderSaga.Web/Pages/Assets/console.css";
    private static readonly string[] Grounds = ["ground", "card", "sunk", "over"], Tones = ["go", "ok", "back", "warn", "bad", "off"], Inks = ["text", "soft", "dim", "link"];

    [Theory, InlineData(0), InlineData(1)]
    public void Should_be_told_apart_by_everybody(int scheme)
    {
        // Light first; what dark does not change stays.
        var schemes = Root.Matches(Tree.Text(Style)).Take(2).Select(m => Token.Matches(m.Value).ToDictionary(t => t.Groups[1].Value, t => t.Groups[2].Value)).ToList();
        var colour = schemes[scheme];
        var text = Inks.SelectMany(t => Grounds, (t, ground) => (t, ground, 4.5));
        var inks = Tones.Select(tone => ($"{tone}-on", $"{tone}-in", 4.5)).Concat(Tones.Select(tone => ($"{tone}-on", "card", 4.5)));
        var shapes = Tones.SelectMany(tone => Grounds.Append($"{tone}-in"), (tone, ground) => (tone, ground, 3.0));
        var pairs = text.Concat(inks).Concat(shapes).Append(("edge", "card", 3.0)).Append(("edge", "sunk", 3.0)).Append(("onlink", "link", 4.5));
        Assert.Empty(pairs.Where(p => Contrast(colour[p.Item1], colour[p.Item2]) < p.Item3).Select(p => $"{p.Item1} on {p.Item2}: {Contrast(colour[p.Item1], colour[p.Item2]):0.00}"));
    }

    [Fact]
    public void Should_be_tokens_everywhere_else() => Assert.Empty(Colour.Matches(Root.Replace(Tree.Text(Style), "")).Select(m => m.Value));

    private static double Contrast(string one, string other)
    {
        var (a, b) = (Luminance(one), Luminance(other));
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    // As WCAG reckons.
    private static double Luminance(string colour)
    {
        double Part(int at) => int.Parse(colour.AsSpan(1 + (2 * at), 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0 is var c && c <= 0.04045 ? c / 12.92 : Math.Pow((c + 0.055) / 1.055, 2.4);
        return (0.2126 * Part(0)) + (0.7152 * Part(1)) + (0.0722 * Part(2));
    }

    [GeneratedRegex(@":root \{[^}]*\}")]
    private static partial Regex Root { get; }

    [GeneratedRegex(@"--([\w-]+): (#[0-9a-f]{6});")]
    private static partial Regex Token { get; }

    [GeneratedRegex(@"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|rgba?\([^)]*\)|hsla?\([^)]*\)")]
    private static partial Regex Colour { get; }
}
