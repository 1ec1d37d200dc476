using System.Xml.Linq;

namespace OrderSaga.EndToEnd.Tests.House;

public class When_rooms_refer_to_each_other
{
    const string Services = "src/services/";
    static readonly string[] Room = ["OrderSaga.Contracts", "OrderSaga.Messaging"];

    static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["Microsoft.SqlServer.Server"] = [],
        ["OrderSaga.Contracts"] = [],
        ["OrderSaga.Messaging"] = ["Microsoft.SqlServer.Server"],
        ["OrderSaga.Orchestrator"] = Room,
        ["OrderSaga.Web"] = [.. Room, "OrderSaga.Orchestrator"],
    };

    public static TheoryData<string> Projects => [.. Tree.Files("src", "*.csproj")];

    [Theory, MemberData(nameof(Projects))]
    public void Should_know_only_whom_it_may(string path)
    {
        var name = Name(path);
        if (name == "OrderSaga.Host") return; // the one that knows everybody, and that no list below contains

        if (!MayKnow.TryGetValue(name, out var allowed))
        {
            Assert.True(path.StartsWith(Services, StringComparison.Ordinal), $"{path} is a room of its own: say in {nameof(MayKnow)} whom it may know");
            allowed = Room;
        }
        Assert.Empty(References(path, "ProjectReference").Select(Name).Except(allowed));
    }

    [Fact]
    public void Should_leave_the_contracts_without_any_reference()
    {
        const string contracts = "src/OrderSaga.Contracts/OrderSaga.Contracts.csproj";
        string[] kinds = ["PackageReference", "FrameworkReference", "ProjectReference", "Reference"];
        Assert.Empty(kinds.SelectMany(kind => References(contracts, kind)));
    }

    /// Whoever references the contracts by package gets what the project has; only an analyzer may come from above.
    [Fact]
    public void Should_give_every_project_nothing_but_private_packages() =>
        Assert.All(
            XDocument.Parse(Tree.Text("Directory.Build.props")).Descendants("PackageReference"),
            package => Assert.Equal("all", (string?)package.Attribute("PrivateAssets")));

    static string Name(string path) => Path.GetFileNameWithoutExtension(path.Replace('\\', '/'));

    static IEnumerable<string> References(string path, string kind) =>
        XDocument.Parse(Tree.Text(path)).Descendants(kind).Select(reference => (string)reference.Attribute("Include")!);
}
