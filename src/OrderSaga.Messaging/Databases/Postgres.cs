using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace OrderSaga.Messaging.Databases;

internal sealed class Postgres : Database
{
    // One data source per database of the process: one pool, statements prepared once per connection.
    private readonly NpgsqlDataSource source;

    public Postgres(string connectionString)
    {
        var builder = new NpgsqlDataSourceBuilder(connectionString);
        if (builder.ConnectionStringBuilder.MaxAutoPrepare == 0)
            builder.ConnectionStringBuilder.MaxAutoPrepare = 100;
        // Nothing that we do leaves anything behind in a session, so seven statements per use of a connection can be saved.
        builder.ConnectionStringBuilder.NoResetOnClose = true;
        source = builder.Build();
        var at = builder.ConnectionStringBuilder;
        Name = $"the database {at.Database} of PostgreSQL at {at.Host}:{at.Port}";
    }

    // The driver knows: no connection, no answer in time, no memory, disk or connection left, starting, ending.
    public static new bool IsAway(Exception exception) => exception is NpgsqlException { IsTransient: true };

    internal override string LockForSchema => "SELECT pg_advisory_xact_lock(6020201)";

    // The array is made once; a plain IN may be planned as a loop that takes other rows each time.
    public override string Move(string from, string to, IReadOnlyCollection<string> columns, string where, string first, int most)
    {
        var all = string.Join(", ", columns.Select(column => $"\"{column}\""));
        return $"""
            WITH moved AS (
                DELETE FROM {from} WHERE ctid = ANY(ARRAY(SELECT t.ctid FROM {from} AS t WHERE {where} ORDER BY t.{first} LIMIT {most} FOR UPDATE SKIP LOCKED))
                RETURNING {all})
            INSERT INTO {to} ({all}) SELECT {all} FROM moved RETURNING {first} AS "Value"
            """;
    }

    protected override void Use(DbContextOptionsBuilder options, string schema) => options
        .UseNpgsql(source, postgres => postgres.MigrationsHistoryTable(Schema.History, schema))
        .ReplaceService<IMigrationsAssembly, Migrations>();

    public override DbDataSource Source => source;

    public override string Name { get; }

    protected override bool IsConflictOfTheServer(Exception exception) => exception is PostgresException
    {
        SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected,
    };

    private sealed class Migrations(ICurrentDbContext current, IMigrationsIdGenerator ids) : MigrationsOfProvider(current, ids, nameof(Postgres));
}
