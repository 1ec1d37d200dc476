using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace OrderSaga.Messaging.Databases;

/// <summary>Where something durable lives. The two kinds below it are the only places that speak a dialect.</summary>
public abstract class Database(string connectionString)
{
    protected string ConnectionString { get; } = connectionString;

    public static Database Postgres(string connectionString) => new Postgres(connectionString);

    public static Database SqlServer(string connectionString) => new SqlServer(connectionString);

    /// <summary>Points a context at this database.</summary>
    public abstract void Configure(DbContextOptionsBuilder options);

    /// <summary>Another node or message was faster, or the server chose a victim: rolled back whole, it may simply be tried again.</summary>
    public bool IsConflict(Exception exception) => exception switch
    {
        DbUpdateConcurrencyException => true,
        DbUpdateException { InnerException: { } inner } => IsConflictOfTheServer(inner),
        _ => IsConflictOfTheServer(exception),
    };

    /// <summary>The server's word for a duplicate key, a deadlock or a failed serialization.</summary>
    protected abstract bool IsConflictOfTheServer(Exception exception);

    /// <summary>Held until the transaction ends, so that two processes that start together make the schema once.</summary>
    protected abstract string LockForSchema { get; }

    /// <summary>Makes the schema of a context where it is not there yet, with its first rows in the same commit. Returns false if it was there.</summary>
    public async Task<bool> EnsureSchemaAsync<TDb>(TDb db, Func<TDb, CancellationToken, Task>? seed, CancellationToken ct)
        where TDb : DbContext
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
        await db.Database.ExecuteSqlRawAsync(LockForSchema, ct).ConfigureAwait(false);
        var schema = db.Model.GetDefaultSchema() ?? throw new InvalidOperationException($"{db.GetType().Name} names no schema: every owner has one of its own.");
        var tables = await db.Database
            .SqlQuery<int>($"SELECT COUNT(*) AS \"Value\" FROM information_schema.tables WHERE table_schema = {schema}")
            .SingleAsync(ct).ConfigureAwait(false);
        if (tables > 0)
        {
            await CheckSchemaAsync(db, schema, ct).ConfigureAwait(false);
            return false;
        }

        await db.GetService<IRelationalDatabaseCreator>().CreateTablesAsync(ct).ConfigureAwait(false);
        if (seed is not null)
            await seed(db, ct).ConfigureAwait(false);
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return true;
    }

    // A schema of another version would answer every order with an error; better it is said at the start.
    private static async Task CheckSchemaAsync(DbContext db, string schema, CancellationToken ct)
    {
        var there = await db.Database
            .SqlQuery<string>($"SELECT CONCAT(table_name, '.', column_name) AS \"Value\" FROM information_schema.columns WHERE table_schema = {schema}")
            .ToListAsync(ct).ConfigureAwait(false);
        var missing = db.Model.GetEntityTypes()
            .SelectMany(e => e.GetProperties(), (e, p) => $"{e.GetTableName()}.{p.GetColumnName()}").Except(there, StringComparer.Ordinal).ToList();
        if (missing.Count > 0)
            throw new SchemaException(schema, missing);
    }
}

/// <summary>The schema was made by another version.</summary>
public sealed class SchemaException(string schema, IReadOnlyList<string> missing) : Exception(
    $"The schema {schema} was made by another version: it lacks {string.Join(", ", missing.Take(3))}{(missing.Count > 3 ? $" and {missing.Count - 3} more columns" : "")}. "
    + "Start with an empty database (embedded: move the folder .ordersaga away), or with the version that made it.");
