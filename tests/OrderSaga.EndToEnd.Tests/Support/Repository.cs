namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>Where the tree and the built program are.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    /// <summary>The host, built in the configuration in which these tests are.</summary>
    public static string Program { get; } = Path.Combine(Root, "artifacts", "bin", "OrderSaga.Host", new DirectoryInfo(AppContext.BaseDirectory).Name, "ordersaga.dll");

    private static string Find(DirectoryInfo? folder) =>
        folder is null ? throw new InvalidOperationException("OrderSaga.sln is not above the test's folder.")
        : File.Exists(Path.Combine(folder.FullName, "OrderSaga.sln")) ? folder.FullName
        : Find(folder.Parent);
}
