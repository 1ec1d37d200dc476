using System.Reflection;
using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Tests.Databases;

/// <summary>SQL Server's driver calls no exception transient, so what an outage is has to be known here.</summary>
public class When_a_server_is_away
{
    private static readonly Database Postgres = Database.Postgres("Host=127.0.0.1;Port=1;Database=none;Username=a;Password=b");
    private static readonly Database SqlServer = Database.SqlServer("Server=127.0.0.1,1;Database=none;User Id=a;Password=b;Encrypt=false;Connect Timeout=5;ConnectRetryCount=0");

    public static TheoryData<Database> Both => [Postgres, SqlServer];

    [Theory]
    [MemberData(nameof(Both), DisableDiscoveryEnumeration = true)]
    public async Task Should_be_known_by_a_refused_connection(Database database)
    {
        var options = new DbContextOptionsBuilder();
        database.Configure(options, "none");
        await using var db = new DbContext(options.Options);
        var error = await Assert.ThrowsAnyAsync<Exception>(() => db.Database.OpenConnectionAsync(TestContext.Current.CancellationToken));
        Assert.True(Database.IsAway(error), error.ToString());
        Assert.True(Database.IsAway(new DbUpdateException("Could not save.", error)));
        Assert.False(database.IsConflict(error));
    }

    [Theory]
    [InlineData(-2, 11, true)] // no answer in time
    [InlineData(4060, 11, true)] // the database cannot be opened
    [InlineData(18456, 14, true)] // nobody is let in
    [InlineData(0, 20, true)] // the connection is gone
    [InlineData(10054, 20, true)]
    [InlineData(701, 17, true)] // no memory left
    [InlineData(9002, 17, true)] // the log is full
    [InlineData(2627, 14, false)] // what is wrong with the statement stays wrong
    [InlineData(547, 16, false)]
    [InlineData(515, 16, false)]
    [InlineData(208, 16, false)]
    [InlineData(1205, 13, false)] // a conflict
    public void Should_be_known_by_what_SQL_Server_says(int number, byte severity, bool away) =>
        Assert.Equal(away, Database.IsAway(new DbUpdateException("Could not save.", Said(number, severity))));

    [Theory]
    [InlineData(PostgresErrorCodes.CannotConnectNow, true)]
    [InlineData(PostgresErrorCodes.AdminShutdown, true)]
    [InlineData(PostgresErrorCodes.TooManyConnections, true)]
    [InlineData(PostgresErrorCodes.DiskFull, true)]
    [InlineData(PostgresErrorCodes.UniqueViolation, false)]
    [InlineData(PostgresErrorCodes.UndefinedTable, false)]
    public void Should_be_known_by_what_PostgreSQL_says(string state, bool away) =>
        Assert.Equal(away, Database.IsAway(new DbUpdateException("Could not save.", new PostgresException("", "ERROR", "ERROR", state))));

    // The driver lets nobody make its exceptions.
    private static SqlException Said(int number, byte severity)
    {
        const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;
        var error = typeof(SqlError).GetConstructors(Hidden).Single(c => c.GetParameters().Length == 8 && c.GetParameters()[^1].ParameterType == typeof(Exception))
            .Invoke([number, (byte)0, severity, "server", "message", "procedure", 1, null]);
        var errors = Activator.CreateInstance(typeof(SqlErrorCollection), nonPublic: true)!;
        typeof(SqlErrorCollection).GetMethod("Add", Hidden)!.Invoke(errors, [error]);
        return (SqlException)typeof(SqlException).GetMethod("CreateException", Hidden, [typeof(SqlErrorCollection), typeof(string)])!.Invoke(null, [errors, "16.0"])!;
    }
}
