using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Databases;

internal sealed class SqlServer(string connectionString) : Database(connectionString)
{
    private const int DuplicateKey = 2627, DuplicateIndexRow = 2601, DeadlockVictim = 1205;

    protected override string LockForSchema => "EXEC sp_getapplock @Resource = 'ordersaga-schema', @LockMode = 'Exclusive', @LockOwner = 'Transaction'";

    public override void Configure(DbContextOptionsBuilder options) => options.UseSqlServer(ConnectionString);

    protected override bool IsConflictOfTheServer(Exception exception) =>
        exception is SqlException { Number: DuplicateKey or DuplicateIndexRow or DeadlockVictim };
}
