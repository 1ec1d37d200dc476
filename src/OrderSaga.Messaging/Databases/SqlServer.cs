using System.Data.Common;
using System.Data.SqlTypes;
using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OrderSaga.Messaging.Databases;

internal sealed class SqlServer : Database
{
    private const int DuplicateKey = 2627, DuplicateIndexRow = 2601, DeadlockVictim = 1205;
    private const int NoAnswerInTime = -2, CannotOpenDatabase = 4060, LoginFailed = 18456;

    // From here on it is not about the statement: no memory or disk left (17), the server is in trouble (18, 19), the connection is gone (20).
    private const byte OutOfResources = 17;

    private readonly string connectionString;
    private readonly int? maxBatchSize;

    public SqlServer(string connectionString, int? maxBatchSize)
    {
        var builder = new SqlConnectionStringBuilder(connectionString);
        // Otherwise one failed connection makes the pool fail all others for seconds, without asking the server.
        if (!builder.ShouldSerialize("Pool Blocking Period"))
            builder.PoolBlockingPeriod = PoolBlockingPeriod.NeverBlock;
        (this.connectionString, this.maxBatchSize) = (builder.ConnectionString, maxBatchSize);
        Name = $"the database {builder.InitialCatalog} of SQL Server at {builder.DataSource}";
        Source = SqlClientFactory.Instance.CreateDataSource(this.connectionString);
    }

    // The driver does not know: it calls nothing transient.
    public static new bool IsAway(Exception exception) =>
        exception is SqlException { Number: NoAnswerInTime or CannotOpenDatabase or LoginFailed } or SqlException { Class: >= OutOfResources };

    // sqlcmd begins with quoted identifiers off, which filtered indexes refuse; and after an error nothing of the batch may be kept.
    public override string ScriptHead => "SET XACT_ABORT, QUOTED_IDENTIFIER, ANSI_NULLS ON;\nGO\n";

    public override DbDataSource Source { get; }

    // The last six bytes first.
    public override IComparer<Guid> OrderOfIds { get; } = Comparer<Guid>.Create((a, b) => new SqlGuid(a).CompareTo(new SqlGuid(b)));

    public override string Name { get; }

    internal override string LockForSchema => "EXEC sp_getapplock @Resource = 'ordersaga-schema', @LockMode = 'Exclusive', @LockOwner = 'Transaction'";

    public override string Move(string from, string to, IReadOnlyCollection<string> columns, string where, string first, int most) => $"""
        WITH moved AS (SELECT TOP ({most}) * FROM {from} AS t WITH (ROWLOCK, UPDLOCK, READPAST) WHERE {where} ORDER BY t.{first})
        DELETE FROM moved
        OUTPUT {string.Join(", ", columns.Select(column => $"deleted.[{column}]"))} INTO {to} ({string.Join(", ", columns.Select(column => $"[{column}]"))})
        OUTPUT deleted.{first} AS [Value]
        """;

    protected override void Use(DbContextOptionsBuilder options, string schema) => options
        .UseSqlServer(connectionString, server =>
        {
            server.MigrationsHistoryTable(Schema.History, schema);
            if (maxBatchSize is { } most)
                server.MaxBatchSize(most);
        })
        .ReplaceService<IMigrationsAssembly, Migrations>();

    protected override bool IsConflictOfTheServer(Exception exception) =>
        exception is SqlException { Number: DuplicateKey or DuplicateIndexRow or DeadlockVictim };

    private sealed class Migrations(ICurrentDbContext current, IMigrationsIdGenerator ids) : MigrationsOfProvider(current, ids, nameof(SqlServer));
}
