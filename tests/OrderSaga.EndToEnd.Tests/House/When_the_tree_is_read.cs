using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace OrderSaga.EndToEnd.Tests.House;

public partial class When_the_tree_is_read
{
    static readonly string[] Pictures = [".png", ".ico", ".jpg", ".woff2"];

    [Fact]
    public void Should_have_something_to_read()
    {
        Assert.Contains("src/OrderSaga.Contracts/Checkout.cs", Tree.Files("src", "*.cs"));
        Assert.Contains("tests/OrderSaga.EndToEnd.Tests/House/Tree.cs", Tree.Files("tests", "*.cs"));
    }

    [Fact]
    public void Should_find_dialect_words_only_where_the_dialects_live() =>
        Assert.Empty(Tree.Find(DialectWord, Tree.Files("src", "*.cs").Where(path => !path.StartsWith("src/OrderSaga.Messaging/Databases/", StringComparison.Ordinal)), comments: false));

    /// An undo marks, it does not remove: what happened stays readable.
    [Fact]
    public void Should_find_no_service_that_removes_a_row() =>
        Assert.Empty(Tree.Find(Removal, Tree.Files("src/services", "*.cs"), comments: false));

    [Fact]
    public void Should_find_no_use_of_MassTransits_internals() =>
        Assert.Empty(Tree.Find(Internals, [.. Tree.Files("src", "*.cs"), .. Tree.Files("tests", "*.cs")]));

    /// The tree says what it needs, each machine where that comes from.
    [Fact]
    public void Should_find_no_package_feed_and_no_path_of_one_machine()
    {
        var texts = Tree.Files().Where(path => !Pictures.Contains(Path.GetExtension(path))).ToArray();
        Assert.Empty(Tree.Find(Feed, texts).Concat(Tree.Find(MachinePath, texts)));
    }

    [Fact]
    public void Should_name_no_package_source() =>
        Assert.Empty(XDocument.Parse(Tree.Text("nuget.config")).Descendants("packageSources").Elements());

    /// A test that cannot run says so at run time by Assert.Skip, where tests/run.sh sees the reason.
    [Fact]
    public void Should_find_no_test_that_is_switched_off() =>
        Assert.Empty(Tree.Find(SwitchedOff, Tree.Files("tests", "*.cs"), comments: false));

    [GeneratedRegex(@"\b(UPDLOCK|READPAST|FOR\s+UPDATE|SKIP\s+LOCKED|ON\s+CONFLICT|2627|2601|23505|pg_advisory\w*)\b", RegexOptions.IgnoreCase)]
    static partial Regex DialectWord { get; }

    [GeneratedRegex(@"\.Remove(Range)?\(|ExecuteDelete|DELETE\s+FROM", RegexOptions.IgnoreCase)]
    static partial Regex Removal { get; }

    [GeneratedRegex(@"\busing\s+(static\s+)?MassTransit\.Internals\b")]
    static partial Regex Internals { get; }

    [GeneratedRegex(@"https?://[^\s""'<>]*(nuget|npmjs|yarnpkg|pypi|pythonhosted|artifactory|jfrog|nexus|pkgs\.dev\.azure|v3/index\.json)", RegexOptions.IgnoreCase)]
    static partial Regex Feed { get; }

    // Not after a letter, a brace or a dot: there it is a part of some other path.
    [GeneratedRegex(@"(?<![\w.})])/(root|work|tmp/bash_jobs[.\w]*)/")]
    static partial Regex MachinePath { get; }

    [GeneratedRegex(@"\bSkip\s*=(?!=)")]
    static partial Regex SwitchedOff { get; }
}
