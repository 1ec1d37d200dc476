using System.Reflection;
using System.Text.RegularExpressions;
using AddMigration;

// dotnet run --project tools/AddMigration -- <Name>           adds what has changed in the models
// dotnet run --project tools/AddMigration -- <Name> --anew    forgets all migrations and writes one that makes everything

var anew = args.Contains("--anew");
if (args.Where(a => a != "--anew").ToList() is not [var name] || !Regex.IsMatch(name, "^[A-Z][A-Za-z0-9]+$"))
{
    Console.Error.WriteLine("Name the migration after what changes, such as RefundReason: dotnet run --project tools/AddMigration -- <Name> [--anew]");
    return 2;
}

var root = new DirectoryInfo(AppContext.BaseDirectory);
while (root is not null && !File.Exists(Path.Combine(root.FullName, "OrderSaga.sln")))
    root = root.Parent;
if (root is null)
{
    Console.Error.WriteLine($"OrderSaga.sln is not above {AppContext.BaseDirectory}: run it inside the repository.");
    return 1;
}

var owners = Directory.GetFiles(AppContext.BaseDirectory, "OrderSaga.*.dll").Select(Assembly.LoadFrom).SelectMany(Owner.In).OrderBy(o => o.Name, StringComparer.Ordinal).ToList();
if (owners.GroupBy(o => o.Namespace).FirstOrDefault(g => g.Count() > 1) is { } crowd)
{
    Console.Error.WriteLine($"{string.Join(" and ", crowd.Select(o => o.Name))} would have their migrations in one folder: give each a project of its own.");
    return 1;
}

var wrote = owners.SelectMany(owner => owner.Add(name, anew, root.FullName)).ToList();
foreach (var file in wrote)
    Console.WriteLine(Path.GetRelativePath(root.FullName, file));
Console.WriteLine(wrote.Count > 0 ? "Read them before you commit them." : "No model has changed since its last migration.");
return 0;
