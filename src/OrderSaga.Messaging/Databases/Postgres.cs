using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace OrderSaga.Messaging.Databases;

internal sealed class Postgres : Database
{
    // A plan that reads a table whole, made while the table was small, is kept by a prepared statement until statistics are renewed: a
    // minute, in which the table grows. All that we ask often is found by an index. (What seems dear is compiled, which takes longer than to do it.)
    private const string ByIndex = "SET enable_seqscan = off; SET jit = off";

    // One data source per database of the process: one pool, statements prepared once per connection.
    private readonly NpgsqlDataSource source;
    private readonly string host;
    private readonly int port;

    public Postgres(string connectionString)
    {
        var builder = new NpgsqlDataSourceBuilder(connectionString);
        if (builder.ConnectionStringBuilder.MaxAutoPrepare == 0)
            builder.ConnectionStringBuilder.MaxAutoPrepare = 100;
        // Nothing that we do leaves anything behind in a session, so seven statements per use of a connection can be saved.
        builder.ConnectionStringBuilder.NoResetOnClose = true;
        builder.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(ByIndex, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                var command = new NpgsqlCommand(ByIndex, connection);
                await using (command.ConfigureAwait(false))
                    await command.ExecuteNonQueryAsync().ConfigureAwait(false);
            });
        source = builder.Build();
        var at = builder.ConnectionStringBuilder;
        Name = $"the database {at.Database} of PostgreSQL at {at.Host}:{at.Port}";
        (host, port) = (at.Host ?? "", at.Port);
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

    // A connection that is idle tells its counts after ten seconds.
    public override async Task<ServerFigures?> CountAsync(CancellationToken ct)
    {
        const string counted = """
            SELECT (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()),
                   pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
                   ARRAY(SELECT client_port FROM pg_stat_activity WHERE datname = current_database() AND (client_addr << '127.0.0.0/8' OR client_addr = '::1') AND client_port > 0),
                   'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit')
            """;
        var command = source.CreateCommand(counted);
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await reader.ReadAsync(ct).ConfigureAwait(false);
                var (transactions, wal, ports, settings) = (reader.GetInt64(0), reader.GetInt64(1), reader.GetFieldValue<int[]>(2), reader.GetString(3));
                await reader.CloseAsync().ConfigureAwait(false);
                return new($"{host}:{port}", host, port, transactions, wal, await StatementsAsync(ct).ConfigureAwait(false), "pg_stat_statements is not loaded, or the database lacks the extension", ports, settings, TimeSpan.FromSeconds(10.5));
            }
        }
    }

    // By an extension that few servers have loaded.
    private async Task<long?> StatementsAsync(CancellationToken ct)
    {
        try
        {
            var command = source.CreateCommand("SELECT sum(calls)::bigint FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())");
            await using (command.ConfigureAwait(false))
                return await command.ExecuteScalarAsync(ct).ConfigureAwait(false) as long?;
        }
        catch (PostgresException)
        {
            return null;
        }
    }

    public override bool EndsConnections => true;

    public override async Task EndConnectionsAsync(CancellationToken ct)
    {
        var command = source.CreateCommand("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        await using (command.ConfigureAwait(false))
            await command.ExecuteScalarAsync(ct).ConfigureAwait(false);
    }

    public override DbDataSource Source => source;

    public override string Name { get; }

    protected override bool IsConflictOfTheServer(Exception exception) => exception is PostgresException
    {
        SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected,
    };

    private sealed class Migrations(ICurrentDbContext current, IMigrationsIdGenerator ids) : MigrationsOfProvider(current, ids, nameof(Postgres));
}
