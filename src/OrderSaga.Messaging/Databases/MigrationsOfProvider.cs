using System.Reflection;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OrderSaga.Messaging.Databases;

/// <summary>
/// A context has one set of migrations per database, side by side in its own assembly. EF would take all of them for one set; this takes
/// those of the database in use, by their namespace: <c>Migrations.Postgres</c> or <c>Migrations.SqlServer</c> under the context's.
/// </summary>
internal abstract class MigrationsOfProvider(ICurrentDbContext current, IMigrationsIdGenerator ids, string provider) : IMigrationsAssembly
{
    private readonly Type context = current.Context.GetType();
    private SortedList<string, TypeInfo>? migrations;

    public Assembly Assembly => context.Assembly;

    public IReadOnlyDictionary<string, TypeInfo> Migrations =>
        migrations ??= new(Types<Migration>().ToDictionary(t => t.GetCustomAttribute<MigrationAttribute>()!.Id), StringComparer.Ordinal);

    public ModelSnapshot? ModelSnapshot =>
        Types<ModelSnapshot>().SingleOrDefault() is { } snapshot ? (ModelSnapshot)Activator.CreateInstance(snapshot)! : null;

    public string? FindMigrationId(string nameOrId) =>
        Migrations.Keys.FirstOrDefault(id => string.Equals(ids.IsValidId(nameOrId) ? id : ids.GetName(id), nameOrId, StringComparison.OrdinalIgnoreCase));

    public Migration CreateMigration(TypeInfo migrationClass, string activeProvider)
    {
        var migration = (Migration)Activator.CreateInstance(migrationClass)!;
        migration.ActiveProvider = activeProvider;
        return migration;
    }

    private IEnumerable<TypeInfo> Types<T>() => Assembly.DefinedTypes.Where(t =>
        t.IsSubclassOf(typeof(T)) && t.Namespace == $"{context.Namespace}.Migrations.{provider}" && t.GetCustomAttribute<DbContextAttribute>()?.ContextType == context);
}
