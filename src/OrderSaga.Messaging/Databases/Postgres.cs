using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace OrderSaga.Messaging.Databases;

internal sealed class Postgres : Database
{
    // One data source per database of the process: one pool, statements prepared once per connection.
    private readonly NpgsqlDataSource source;

    public Postgres(string connectionString) : base(connectionString)
    {
        var builder = new NpgsqlDataSourceBuilder(connectionString);
        if (builder.ConnectionStringBuilder.MaxAutoPrepare == 0)
            builder.ConnectionStringBuilder.MaxAutoPrepare = 100;
        source = builder.Build();
    }

    protected override string LockForSchema => "SELECT pg_advisory_xact_lock(6020201)";

    public override void Configure(DbContextOptionsBuilder options) => options.UseNpgsql(source);

    protected override bool IsConflictOfTheServer(Exception exception) => exception is PostgresException
    {
        SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected,
    };
}
