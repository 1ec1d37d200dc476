using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OrderSaga.Messaging.Databases;

/// <summary>Where something durable lives. The two kinds below it are the only places that speak a dialect.</summary>
public abstract class Database
{
    public static Database Postgres(string connectionString) => new Postgres(connectionString);

    /// <param name="connectionString">Of the database.</param>
    /// <param name="maxBatchSize">How many changes go into one statement at most; with 1 the server needs no MERGE.</param>
    public static Database SqlServer(string connectionString, int? maxBatchSize = null) => new SqlServer(connectionString, maxBatchSize);

    /// <summary>Points a context at its schema in this database.</summary>
    public void Configure(DbContextOptionsBuilder options, string schema)
    {
        Use(options, schema);
        // Migrations run in a transaction and under a lock of ours: see Schema.
        options.ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.MigrationsUserTransactionWarning));
    }

    /// <inheritdoc cref="Configure(DbContextOptionsBuilder, string)"/>
    public void Configure<TDb>(DbContextOptionsBuilder<TDb> options)
        where TDb : DbContext, IOwnsSchema
        => Configure(options, TDb.Schema);

    /// <summary>Connections of the same pool, for what speaks to the database without a context.</summary>
    public abstract DbDataSource Source { get; }

    /// <summary>How the server sorts ids.</summary>
    public virtual IComparer<Guid> OrderOfIds => Comparer<Guid>.Default;

    /// <summary>Which it is, in words for a person, without what is secret in its connection string.</summary>
    public abstract string Name { get; }

    /// <summary>Another node or message was faster, or the server chose a victim: rolled back whole, it may simply be tried again.</summary>
    public bool IsConflict(Exception exception) => exception switch
    {
        DbUpdateConcurrencyException => true,
        DbUpdateException { InnerException: { } inner } => IsConflictOfTheServer(inner),
        _ => IsConflictOfTheServer(exception),
    };

    /// <summary>The server is away, or takes nobody for now: that says nothing about what was asked of it.</summary>
    /// <remarks>Any server: who asks does not always know whose exception it is, and each driver has its own.</remarks>
    public static bool IsAway(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
            if (Databases.Postgres.IsAway(cause) || Databases.SqlServer.IsAway(cause))
                return true;
        return false;
    }

    /// <summary>Completes when the server answers.</summary>
    public async Task AnswersAsync(CancellationToken ct)
    {
        await using var connection = await Source.OpenConnectionAsync(ct).ConfigureAwait(false);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT 1";
        await command.ExecuteScalarAsync(ct).ConfigureAwait(false);
    }

    /// <summary>What the server has counted so far, from outside of all that uses it; null where that is not read.</summary>
    public virtual Task<ServerFigures?> CountAsync(CancellationToken ct) => Task.FromResult<ServerFigures?>(null);

    /// <summary>Whether connections of others can be ended here: see <see cref="EndConnectionsAsync"/>.</summary>
    public virtual bool EndsConnections => false;

    /// <summary>Ends every connection to this database but the one that says so, whatever it is doing: to see how programs get over it.</summary>
    public virtual Task EndConnectionsAsync(CancellationToken ct) => throw new NotSupportedException($"Connections to {Name} are not ended from here.");

    /// <summary>What a script of SQL for this kind of database has to begin with.</summary>
    public virtual string ScriptHead => "";

    /// <summary>
    /// A statement that moves the first rows that meet a condition to another table of the same columns: all of them, or none. What somebody
    /// is changing at that moment stays, so neither he nor another who moves rows is waited for. Gives a column of each row, as Value.
    /// </summary>
    /// <param name="from">The table, by its schema and name; in the condition it is called t.</param>
    /// <param name="to">The other table.</param>
    /// <param name="columns">The columns of both.</param>
    /// <param name="where">The condition.</param>
    /// <param name="first">The column that they are ordered by, and that is given.</param>
    /// <param name="most">How many are moved at most.</param>
    public abstract string Move(string from, string to, IReadOnlyCollection<string> columns, string where, string first, int most);

    /// <summary>Held until the transaction ends, so that of several processes that start together one changes a schema.</summary>
    internal abstract string LockForSchema { get; }

    protected abstract void Use(DbContextOptionsBuilder options, string schema);

    /// <summary>The server's word for a duplicate key, a deadlock or a failed serialization.</summary>
    protected abstract bool IsConflictOfTheServer(Exception exception);
}
