using System.Reflection;
using Microsoft.EntityFrameworkCore;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>Every context of the rooms, found by its type: a new one is tested by being there.</summary>
internal static class Contexts
{
    public static IReadOnlyList<Type> All { get; } =
        [.. Directory.GetFiles(AppContext.BaseDirectory, "OrderSaga.*.dll").Where(f => !Path.GetFileName(f).Contains("Tests", StringComparison.Ordinal)).Select(Assembly.LoadFrom)
            .SelectMany(a => a.GetTypes()).Where(t => t.IsSubclassOf(typeof(DbContext)) && !t.IsAbstract)];

    public static TheoryData<string> Names => [.. All.Select(c => c.Name)];

    public static string SchemaOf(string name) => (string)Of(name).GetProperty(nameof(IOwnsSchema.Schema))!.GetValue(null)!;

    public static DbContext Open(string name, Database database)
    {
        var options = (DbContextOptionsBuilder)Activator.CreateInstance(typeof(DbContextOptionsBuilder<>).MakeGenericType(Of(name)))!;
        database.Configure(options, SchemaOf(name));
        return (DbContext)Activator.CreateInstance(Of(name), options.Options)!;
    }

    private static Type Of(string name) => All.Single(c => c.Name == name);
}
