namespace OrderSaga.Messaging.Tests;

/// <summary>Without a server the kits' SQL Server classes are left out of the run; this says so, once.</summary>
public class When_no_sql_server_is_there
{
    [Fact]
    public void Should_say_so()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("ORDERSAGA_TEST_SQLSERVER")))
            Assert.Skip("SQL Server: ORDERSAGA_TEST_SQLSERVER holds no connection string, so the kits ran on PostgreSQL alone.");
    }
}
