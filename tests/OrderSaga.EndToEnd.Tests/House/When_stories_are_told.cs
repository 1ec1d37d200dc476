using System.Text.RegularExpressions;

namespace OrderSaga.EndToEnd.Tests.House;

/// <summary>Every story of what went wrong somewhere is a test of its own, and the README says which.</summary>
public partial class When_stories_are_told
{
    // O12 is told where there is choreography.
    private static readonly string[] Stories = [.. Enumerable.Range(1, 18).Where(n => n != 12).Select(n => $"O{n}")];

    [Fact]
    public void Should_have_a_test_for_each()
    {
        var told = Tree.Files("tests", "*.cs").SelectMany(path => Story.Matches(Tree.Text(path))).ToLookup(m => m.Groups["id"].Value, m => m.Groups["test"].Value);
        Assert.Empty(Stories.Except(told.Select(t => t.Key)));
        var rows = Row.Matches(Tree.Text("README.md")).ToDictionary(m => m.Groups["id"].Value, m => m.Groups["test"].Value);
        Assert.Equal(Stories, rows.Keys.OrderBy(id => int.Parse(id[1..], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.All(rows, row => Assert.Contains(row.Value, told[row.Key]));
    }

    [GeneratedRegex("""Trait\("Story", "(?<id>O\d+)"\)[^(]*?\bTask (?<test>Should_\w+)\(""")]
    private static partial Regex Story { get; }

    [GeneratedRegex(@"^\| (?<id>O\d+) \|.*\| `When_\w+\.(?<test>Should_\w+)` \|$", RegexOptions.Multiline)]
    private static partial Regex Row { get; }
}
