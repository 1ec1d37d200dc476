using System.Text.RegularExpressions;

namespace OrderSaga.EndToEnd.Tests.House;

/// The repository as files: what the rules of the house are read from.
static class Tree
{
    static readonly HashSet<string> NotOurs = [".git", "artifacts", ".ordersaga", ".vs", ".idea", "TestResults", "bin", "obj", "node_modules"];

    public static readonly string Root = FindRoot();

    /// Paths from the root with forward slashes; under takes one folder, the pattern a file name with wildcards.
    public static string[] Files(string under = ".", string pattern = "*") =>
        [.. Walk(new DirectoryInfo(Path.Combine(Root, under)), pattern).Select(file => Path.GetRelativePath(Root, file.FullName).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    public static string Text(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// The places where a pattern occurs, as 'path:line: text', ready to be asserted empty.
    public static string[] Find(Regex pattern, IEnumerable<string> paths, bool comments = true) =>
    [
        .. from path in paths
           from line in Text(path).Split('\n').Select((text, index) => (Text: comments ? text : Code(text), Number: index + 1))
           where pattern.IsMatch(line.Text)
           select $"{path}:{line.Number}: {line.Text.Trim()}",
    ];

    /// A C# line without its comment. A // counts where a blank or nothing stands before it, so that addresses stay whole.
    static string Code(string line) => Regex.Replace(line, @"(^|\s)//.*$", "");

    static IEnumerable<FileInfo> Walk(DirectoryInfo folder, string pattern) =>
        folder.GetFiles(pattern).Concat(folder.GetDirectories().Where(inner => !NotOurs.Contains(inner.Name)).SelectMany(inner => Walk(inner, pattern)));

    static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OrderSaga.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"No OrderSaga.sln above {AppContext.BaseDirectory}: run the tests inside the repository.");
    }
}
