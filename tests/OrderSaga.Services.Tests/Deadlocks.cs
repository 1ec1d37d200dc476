using System.Runtime.ExceptionServices;
using Npgsql;

namespace OrderSaga.Services.Tests;

/// <summary>
/// Counts those over some tables. They would be survived, for whoever is their victim begins again; but they cost a second each, and
/// there need not be any.
/// </summary>
internal sealed class Deadlocks : IDisposable
{
    private readonly string[] tables;
    private int count;

    public Deadlocks(params string[] tables)
    {
        this.tables = tables;
        AppDomain.CurrentDomain.FirstChanceException += Count;
    }

    public int Found => count;

    public void Dispose() => AppDomain.CurrentDomain.FirstChanceException -= Count;

    private void Count(object? sender, FirstChanceExceptionEventArgs e)
    {
        if (e.Exception is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected, Where: { } where } && tables.Any(t => where.Contains($"\"{t}\"", StringComparison.Ordinal)))
            Interlocked.Increment(ref count);
    }
}
