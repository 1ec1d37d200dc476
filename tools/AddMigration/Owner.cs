using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Migrations.Design;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging.Databases;
using Database = OrderSaga.Messaging.Databases.Database;

namespace AddMigration;

/// <summary>A context with a schema of its own, and its migrations beside it: one folder per database.</summary>
internal sealed class Owner
{
    // A migration is made from models alone: nobody is connected to.
    private static readonly (string Folder, Database Database)[] Databases =
        [("Postgres", Database.Postgres("Host=nowhere;Database=none")), ("SqlServer", Database.SqlServer("Server=nowhere;Database=none"))];

    private readonly Type context;

    private Owner(Type context) => this.context = context;

    public string Name => context.Name;

    public string Namespace => $"{context.Assembly.GetName().Name}, {context.Namespace}";

    public static IEnumerable<Owner> In(Assembly assembly) =>
        assembly.GetTypes().Where(t => t is { IsAbstract: false } && t.IsSubclassOf(typeof(DbContext)) && t.IsAssignableTo(typeof(IOwnsSchema))).Select(t => new Owner(t));

    /// <summary>Adds a migration for each database for which the model has changed; returns the files that were written.</summary>
    public IEnumerable<string> Add(string name, bool anew, string root)
    {
        var project = Path.GetDirectoryName(Directory.EnumerateFiles(Path.Combine(root, "src"), $"{context.Assembly.GetName().Name}.csproj", SearchOption.AllDirectories).Single())!;
        foreach (var (folder, database) in Databases)
        {
            using var db = Open(database, anew);
            if (!db.Database.HasPendingModelChanges())
                continue;
            var target = Path.Combine(project, "Migrations", folder);
            var migration = Scaffold(db, name, $"{context.Namespace}.Migrations.{folder}");
            if (anew && Directory.Exists(target))
                Directory.Delete(target, recursive: true);
            Directory.CreateDirectory(target);
            yield return Write(target, migration.MigrationId + ".cs", migration.MigrationCode);
            yield return Write(target, migration.MigrationId + ".Designer.cs", migration.MetadataCode);
            yield return Write(target, migration.SnapshotName + ".cs", migration.SnapshotCode);
        }
    }

    private DbContext Open(Database database, bool anew)
    {
        var options = (DbContextOptionsBuilder)Activator.CreateInstance(typeof(DbContextOptionsBuilder<>).MakeGenericType(context))!;
        database.Configure(options, (string)context.GetProperty(nameof(IOwnsSchema.Schema))!.GetValue(null)!);
        if (anew)
            options.ReplaceService<IMigrationsAssembly, NoMigrations>();
        return (DbContext)Activator.CreateInstance(context, options.Options)!;
    }

    private static ScaffoldedMigration Scaffold(DbContext db, string name, string into)
    {
        var services = new ServiceCollection().AddDbContextDesignTimeServices(db);
        var provider = Assembly.Load(db.GetService<IDatabaseProvider>().Name);
        var ofProvider = provider.GetType(provider.GetCustomAttribute<DesignTimeProviderServicesAttribute>()!.TypeName, throwOnError: true)!;
        ((IDesignTimeServices)Activator.CreateInstance(ofProvider)!).ConfigureDesignTimeServices(services);
        services.AddEntityFrameworkDesignTimeServices();
        using var built = services.BuildServiceProvider();
        using var scope = built.CreateScope();
        return scope.ServiceProvider.GetRequiredService<IMigrationsScaffolder>().ScaffoldMigration(name, rootNamespace: null, into);
    }

    // As the repository has its files, whatever the machine; EF's own Save would put both databases' snapshots into one folder.
    private static string Write(string folder, string file, string code)
    {
        var path = Path.Combine(folder, file);
        File.WriteAllText(path, code.ReplaceLineEndings("\n"));
        return path;
    }

    private sealed class NoMigrations(ICurrentDbContext current) : IMigrationsAssembly
    {
        public IReadOnlyDictionary<string, TypeInfo> Migrations { get; } = new Dictionary<string, TypeInfo>();

        public ModelSnapshot? ModelSnapshot => null;

        public Assembly Assembly => current.Context.GetType().Assembly;

        public string? FindMigrationId(string nameOrId) => null;

        public Migration CreateMigration(TypeInfo migrationClass, string activeProvider) => throw new NotSupportedException("There are none.");
    }
}
