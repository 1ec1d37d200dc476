using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.Databases;

/// <summary>The schema of one context, and how it comes to the version of this program.</summary>
public abstract class Schema
{
    internal const string History = "migrations_history";

    public abstract string Name { get; }

    public abstract Database Database { get; }

    /// <summary>A query for the migrations that were applied to it, as two columns: the schema's name, the migration's.</summary>
    internal abstract string AppliedQuery { get; }

    /// <summary>The migrations that this program needs.</summary>
    internal abstract IReadOnlyList<string> Needed { get; }

    /// <summary>
    /// Applies the migrations that are missing and puts in the first rows where there are none: all of it in one commit, or nothing. Of
    /// several processes that start together one does it, and the others wait for it.
    /// </summary>
    /// <exception cref="SchemaException">It cannot be told what is missing.</exception>
    public abstract Task<SchemaChange> UpdateAsync(CancellationToken ct);

    /// <summary>What <see cref="UpdateAsync"/> would do now; nothing is changed.</summary>
    /// <exception cref="SchemaException">It cannot be told what is missing.</exception>
    public abstract Task<SchemaChange> LookAsync(CancellationToken ct);

    /// <summary>What <see cref="UpdateAsync"/> would do on any version of the schema, as SQL; without the first rows. Needs no server.</summary>
    public abstract string Script();
}

/// <summary>What came of bringing a schema to this version.</summary>
/// <param name="Schema">Its name.</param>
/// <param name="Made">It was not there before.</param>
/// <param name="Applied">The migrations that were missing.</param>
/// <param name="Unknown">Migrations of a newer version, which this one does not know.</param>
public sealed record SchemaChange(string Schema, bool Made, IReadOnlyList<string> Applied, IReadOnlyList<string> Unknown);

/// <inheritdoc/>
/// <remarks>
/// Each migration commits for itself if EF is left alone with them, and on PostgreSQL the lock that EF takes ends with the first commit:
/// two processes can then get into each other's second migration, or both seed. So they run in a transaction and under a lock of ours.
/// </remarks>
internal sealed class Schema<TDb>(IServiceScopeFactory scopes, DatabaseOf<TDb> database, Func<TDb, CancellationToken, Task>? seed) : Schema
    where TDb : DbContext, IOwnsSchema
{
    private (string Query, IReadOnlyList<string> Needed)? history;

    public override string Name => TDb.Schema;

    public override Database Database => database.Value;

    internal override string AppliedQuery => (history ??= ReadHistory()).Query;

    internal override IReadOnlyList<string> Needed => (history ??= ReadHistory()).Needed;

    public override async Task<SchemaChange> UpdateAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TDb>();
        // Waiting for another process and changing a large table take as long as they take.
        db.Database.SetCommandTimeout(0);
        if (!await db.GetService<IRelationalDatabaseCreator>().ExistsAsync(ct).ConfigureAwait(false))
            throw await WhyNotThereAsync(ct).ConfigureAwait(false);
        await using var transaction = await db.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
        await db.Database.ExecuteSqlRawAsync(database.Value.LockForSchema, ct).ConfigureAwait(false);
        var change = await MigrateAsync(db, ct).ConfigureAwait(false);
        if (seed is not null)
            await seed(db, ct).ConfigureAwait(false);
        await db.SaveChangesAsync(ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return change;
    }

    public override async Task<SchemaChange> LookAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await LookAsync(scope.ServiceProvider.GetRequiredService<TDb>(), ct).ConfigureAwait(false);
    }

    // A connection that somebody before the server accepted and dropped looks the same to the provider: then the server is away.
    private async Task<Exception> WhyNotThereAsync(CancellationToken ct)
    {
        try
        {
            await using var connection = await database.Value.Source.OpenConnectionAsync(ct).ConfigureAwait(false);
        }
        catch (DbException e) when (e.InnerException is IOException && Database.IsAway(e))
        {
            return e;
        }
        catch (DbException)
        {
            // The server's own word: it has no such database, or not for this account.
        }

        return SchemaException.WithoutDatabase(Name);
    }

    private (string, IReadOnlyList<string>) ReadHistory()
    {
        using var scope = scopes.CreateScope();
        var db = scope.ServiceProvider.GetRequiredService<TDb>();
        var sql = db.GetService<ISqlGenerationHelper>();
        return ($"SELECT '{TDb.Schema}', {sql.DelimitIdentifier("MigrationId")} FROM {sql.DelimitIdentifier(History, TDb.Schema)}", [.. db.Database.GetMigrations()]);
    }

    public override string Script()
    {
        using var scope = scopes.CreateScope();
        return scope.ServiceProvider.GetRequiredService<TDb>().GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent);
    }

    private static async Task<SchemaChange> LookAsync(TDb db, CancellationToken ct)
    {
        var tables = await db.Database
            .SqlQuery<string>($"SELECT TABLE_NAME AS \"Value\" FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = {TDb.Schema}")
            .ToListAsync(ct).ConfigureAwait(false);
        var applied = tables.Contains(History) ? (await db.Database.GetAppliedMigrationsAsync(ct).ConfigureAwait(false)).ToList() : [];
        if (applied.Count == 0 && db.Model.GetEntityTypes().Any(e => tables.Contains(e.GetTableName()!)))
            throw SchemaException.WithoutHistory(TDb.Schema);
        var known = db.Database.GetMigrations().ToList();
        return new SchemaChange(TDb.Schema, applied.Count == 0, [.. known.Except(applied)], [.. applied.Except(known)]);
    }

    private static async Task<SchemaChange> MigrateAsync(TDb db, CancellationToken ct)
    {
        var change = await LookAsync(db, ct).ConfigureAwait(false);
        if (change.Applied.Count == 0)
            return change; // an account that may not change tables is enough
        // EF makes it too, but its PostgreSQL provider reads it first, and a failure would end the transaction.
        await db.GetService<IHistoryRepository>().CreateIfNotExistsAsync(ct).ConfigureAwait(false);
        await db.Database.MigrateAsync(ct).ConfigureAwait(false);
        return change;
    }
}
