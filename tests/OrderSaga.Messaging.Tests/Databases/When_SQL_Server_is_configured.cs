using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests.Databases;

public class When_SQL_Server_is_configured
{
    [Theory]
    [InlineData("Server=s;Database=d", PoolBlockingPeriod.NeverBlock)]
    [InlineData("Server=s;Database=d;Pool Blocking Period=Auto", PoolBlockingPeriod.Auto)]
    [InlineData("Server=s;Database=d;PoolBlockingPeriod=AlwaysBlock", PoolBlockingPeriod.AlwaysBlock)]
    public void Should_ask_the_server_again_after_a_failure_unless_told_otherwise(string connection, PoolBlockingPeriod period)
    {
        using var db = Open(Database.SqlServer(connection));
        Assert.Equal(period, new SqlConnectionStringBuilder(db.Database.GetConnectionString()).PoolBlockingPeriod);
    }

    [Theory]
    [InlineData(null), InlineData(1)]
    public void Should_batch_as_it_is_told(int? size)
    {
        using var db = Open(Database.SqlServer("Server=s;Database=d", size));
        Assert.Equal(size, RelationalOptionsExtension.Extract(db.GetService<IDbContextOptions>()).MaxBatchSize);
    }

    [Fact]
    public void Should_take_the_migrations_that_were_made_for_it()
    {
        using var db = Open(Database.SqlServer("Server=s;Database=d"));
        Assert.Equal(["20260103000000_NotForPostgres"], db.Database.GetMigrations());
    }

    private static ShelfDb Open(Database database)
    {
        var options = new DbContextOptionsBuilder<ShelfDb>();
        database.Configure(options);
        return new ShelfDb(options.Options);
    }
}
