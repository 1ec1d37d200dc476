using OrderSaga.Messaging.Databases;

namespace OrderSaga.Messaging.Tests.Databases;

/// <summary>A server that has seen a table small plans for a small one, and a prepared statement keeps that plan while the table grows.</summary>
public sealed class When_a_table_is_young
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("SELECT * FROM young WHERE id = ANY($1)", "Index")]
    [InlineData("SELECT * FROM young WHERE id = ANY($1)", "Index", "SET plan_cache_mode = force_generic_plan")]
    [InlineData("SELECT count(*) FROM young WHERE text = 'x' AND $1 IS NOT NULL", "Seq Scan")]
    public async Task Should_be_asked_by_its_index_where_there_is_one(string statement, string by, string mode = "SELECT 1")
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var connection = await Database.Postgres(database.ConnectionString).Source.OpenConnectionAsync(Ct);
        async Task<string> RunAsync(string sql)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            var lines = new List<string>();
            await using var reader = await command.ExecuteReaderAsync(Ct);
            while (await reader.ReadAsync(Ct))
                lines.Add(reader.GetValue(0).ToString()!);
            return string.Join('\n', lines);
        }

        await RunAsync("CREATE TABLE young (id uuid PRIMARY KEY, text text); INSERT INTO young SELECT gen_random_uuid(), 'x' FROM generate_series(1, 60); ANALYZE young");
        await RunAsync(mode);
        await RunAsync($"PREPARE ask (uuid[]) AS {statement}");
        var plan = await RunAsync("EXPLAIN EXECUTE ask (ARRAY[gen_random_uuid(), gen_random_uuid()])");
        Assert.Contains(by, plan, StringComparison.Ordinal);
        Assert.DoesNotContain("JIT", plan, StringComparison.Ordinal);
    }
}
