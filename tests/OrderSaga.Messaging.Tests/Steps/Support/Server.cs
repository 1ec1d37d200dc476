using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Tests.Support;

namespace OrderSaga.Messaging.Tests.Steps.Support;

/// <summary>One database with the steps' tables, for all tests of a class.</summary>
public abstract class Server(TestServer on) : IAsyncLifetime
{
    private ServerDatabase? created;
    private Database? database;

    /// <summary>The database, or the test is skipped.</summary>
    public Database Database
    {
        get
        {
            if (database is null)
                Assert.Skip(on.WhyNot!);
            return database;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (on.WhyNot is not null)
            return;
        created = await on.CreateAsync();
        database = created.Connect();
        await using var db = Open();
        await db.Database.EnsureCreatedAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (created is not null)
            await created.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal StepDb Open(IInterceptor? interceptor = null)
    {
        var options = new DbContextOptionsBuilder<StepDb>();
        Database.Configure(options);
        if (interceptor is not null)
            options.AddInterceptors(interceptor);
        return new StepDb(options.Options);
    }
}

public sealed class OnPostgres() : Server(TestServer.Postgres);

public sealed class OnSqlServer() : Server(TestServer.SqlServer);
