using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator.Tests.Contracts;

/// What the contracts assembly holds, and where what was approved of it is kept.
static class Contract
{
    public static readonly string Folder = Path.Combine(Root(), "tests", "OrderSaga.Orchestrator.Tests", "Contracts");

    public static readonly Type[] All = [.. typeof(SubmitOrder).Assembly.GetExportedTypes().OrderBy(type => type.Name, StringComparer.Ordinal)];

    /// Records that only travel inside others, alone or in a list. All others go over the wire by themselves.
    public static readonly Type[] Values = [.. All.Where(type => All.Any(other => Parts(other).Contains(type)))];

    public static readonly Type[] Messages = [.. All.Except(Values)];

    public static string SampleOf(Type message) => Path.Combine(Folder, "Samples", message.Name + ".json");

    static IEnumerable<Type> Parts(Type type) => type.GetProperties().SelectMany(property => property.PropertyType.GetGenericArguments().Append(property.PropertyType));

    static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OrderSaga.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"No OrderSaga.sln above {AppContext.BaseDirectory}: run the tests inside the repository.");
    }
}
