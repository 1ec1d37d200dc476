using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OrderSaga.Services.Tests;

/// <summary>What happens to come right after a table was read because of an order, and before anybody acts on what was seen.</summary>
internal sealed class Between : DbCommandInterceptor
{
    private (string Table, Guid OrderId, Func<Task> Then)? next;

    public void AfterReading(string table, Guid orderId, Func<Task> then)
    {
        // In the flow of the test: who reads was begun before it, by something that is over.
        var flow = ExecutionContext.Capture()!;
        next = (table, orderId, () =>
        {
            var happening = Task.CompletedTask;
            ExecutionContext.Run(flow, _ => happening = then(), null);
            return happening;
        });
    }

    public override async ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
    {
        // Not whoever looks through the table for what is due, at any moment.
        if (next is { } now && command.CommandText.StartsWith("SELECT", StringComparison.Ordinal) && command.CommandText.Contains(now.Table, StringComparison.Ordinal)
            && command.Parameters.Cast<DbParameter>().Any(p => now.OrderId.Equals(p.Value)))
        {
            next = null;
            await now.Then();
        }

        return result;
    }
}
