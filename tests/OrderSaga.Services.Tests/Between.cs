using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OrderSaga.Services.Tests;

/// <summary>What happens to come right after somebody has read a table, and before he acts on what he saw.</summary>
internal sealed class Between : DbCommandInterceptor
{
    private (string Table, Func<Task> Then)? next;

    public void AfterReading(string table, Func<Task> then) => next = (table, then);

    public override async ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
    {
        if (next is { } now && command.CommandText.StartsWith("SELECT", StringComparison.Ordinal) && command.CommandText.Contains(now.Table, StringComparison.Ordinal))
        {
            next = null;
            await now.Then();
        }

        return result;
    }
}
