using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace OrderSaga.Messaging.Databases;

internal static class Transactions
{
    /// <summary>Begins a transaction that is given up as a whole when anything in it fails: two round trips less for each save, which needs no point to go back to.</summary>
    public static Task<IDbContextTransaction> BeginWholeAsync(this DatabaseFacade database, CancellationToken ct)
    {
        database.AutoSavepointsEnabled = false;
        return database.BeginTransactionAsync(ct);
    }
}
