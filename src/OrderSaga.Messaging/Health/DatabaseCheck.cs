using System.Data.Common;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Health;

/// <summary>The databases of this process answer, and their schemas have what this version needs: one statement per database.</summary>
internal sealed class DatabaseCheck(IEnumerable<Schema> schemas) : Check
{
    protected override string Subject => $"A database of {string.Join(", ", schemas.Select(s => s.Name))}";

    protected override async Task<HealthCheckResult> LookAsync(CancellationToken ct)
    {
        var wrong = await Task.WhenAll(schemas.GroupBy(s => s.Database).Select(d => LookAsync(d.Key, [.. d], ct))).ConfigureAwait(false);
        return wrong.OfType<string>().ToList() is { Count: > 0 } said ? HealthCheckResult.Unhealthy(string.Join(' ', said)) : HealthCheckResult.Healthy();
    }

    private static async Task<string?> LookAsync(Database database, IReadOnlyList<Schema> schemas, CancellationToken ct)
    {
        var names = string.Join(", ", schemas.Select(s => s.Name));
        try
        {
            var applied = await AppliedAsync(database, schemas, ct).ConfigureAwait(false);
            var missing = schemas.Where(s => s.Needed.Except(applied[s.Name]).Any()).Select(s => s.Name).ToList();
            return missing.Count == 0 ? null
                : $"The schema of {string.Join(", ", missing)} is older than this version needs: run 'ordersaga migrate', or start this version again.";
        }
        catch (DbException e) when (!Database.IsAway(e))
        {
            return $"The database of {names} refuses what is asked of it ({e.SqlState}): see that this account may read its tables, and that they are there ('ordersaga migrate').";
        }
        catch (Exception e) when (e is DbException or TimeoutException or System.Net.Sockets.SocketException)
        {
            return $"The database of {names} does not answer: see that it runs, and that its connection string is right.";
        }
    }

    private static async Task<ILookup<string, string>> AppliedAsync(Database database, IReadOnlyList<Schema> schemas, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct).ConfigureAwait(false);
        await using var command = connection.CreateCommand();
        // Names and queries of our own: nothing in it came from outside.
#pragma warning disable CA2100
        command.CommandText = string.Join(" UNION ALL ", schemas.Select(s => s.AppliedQuery));
#pragma warning restore CA2100
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var rows = new List<(string Schema, string Migration)>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
            rows.Add((reader.GetString(0), reader.GetString(1)));
        return rows.ToLookup(r => r.Schema, r => r.Migration);
    }
}
