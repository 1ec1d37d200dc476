using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;

namespace OrderSaga.Host.Commands.Load;

/// <summary>Sees orders come to rest.</summary>
internal interface IEnds
{
    /// <summary>The state in which an order has come to rest, as soon as it is seen.</summary>
    Task<string> OfAsync(Guid order, CancellationToken ct);
}

/// <summary>
/// Looks at checkout.order_state: all orders under way by one statement, again and again. What it adds to the database's count of
/// transactions is known, and taken off.
/// </summary>
internal sealed class DatabaseEnds : IEnds, IAsyncDisposable
{
    private const int MostAtOnce = 512;
    private static readonly int[] Sizes = [1, 8, 32, 128, MostAtOnce];
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(2), Longest = TimeSpan.FromMilliseconds(50), AfterTrouble = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<Guid, TaskCompletionSource<string>> awaited = new();
    private readonly DbDataSource source;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource stop = new();
    private readonly SemaphoreSlim some = new(0, 1);
    private readonly Lock turn = new();
    private readonly Task looking;
    private long statements;

    public DatabaseEnds(DbDataSource source, TimeProvider time)
    {
        (this.source, this.time) = (source, time);
        looking = LookAsync(stop.Token);
    }

    /// <summary>How it sees them, for the report.</summary>
    public static string How => $"looking at checkout.order_state every {Shortest.TotalMilliseconds:0} to {Longest.TotalMilliseconds:0} ms";

    /// <summary>How many it has sent.</summary>
    public long Statements => Interlocked.Read(ref statements);

    /// <summary>Whether this is the database that the order is in.</summary>
    public static async Task<bool> KnowsAsync(DbDataSource source, Guid order, CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT current_state FROM checkout.order_state WHERE order_id = @id");
        Add(command, "id", order);
        return await command.ExecuteScalarAsync(ct) is not null;
    }

    public async Task<string> OfAsync(Guid order, CancellationToken ct)
    {
        var end = awaited.GetOrAdd(order, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        Wake();
        try
        {
            return await end.Task.WaitAsync(ct);
        }
        finally
        {
            awaited.TryRemove(order, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await looking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
        some.Dispose();
    }

    private void Wake()
    {
        lock (turn)
            if (some.CurrentCount == 0)
                some.Release();
    }

    private async Task LookAsync(CancellationToken ct)
    {
        while (true)
        {
            var orders = awaited.Keys.ToArray();
            if (orders.Length == 0)
            {
                await some.WaitAsync(ct);
                continue;
            }

            // Of a crowd a look costs more, and a moment is less to each of its orders: what is measured must not be the looking.
            var pause = TimeSpan.FromMilliseconds(Math.Clamp(orders.Length / 4.0, Shortest.TotalMilliseconds, Longest.TotalMilliseconds));
            try
            {
                foreach (var part in orders.Chunk(MostAtOnce))
                    await LookAtAsync(part, ct);
            }
            catch (Exception e) when (e is DbException or TimeoutException)
            {
                // It may come back; if it does not, the run is given up.
                pause = AfterTrouble;
            }

            await Task.Delay(pause, time, ct);
        }
    }

    private async Task LookAtAsync(Guid[] orders, CancellationToken ct)
    {
        // Few different texts, so that the server has each of them prepared. By their states, for by when they ended all that ever did are in an index.
        var places = Sizes.First(many => many >= orders.Length);
#pragma warning disable CA2100 // names of parameters only
        await using var command = source.CreateCommand($"SELECT order_id, current_state FROM checkout.order_state WHERE order_id IN ({string.Join(", ", Enumerable.Range(0, places).Select(i => $"@p{i}"))}) AND current_state IN ('Complete', 'Compensated', 'Failed')");
#pragma warning restore CA2100
        for (var i = 0; i < places; i++)
            Add(command, $"p{i}", orders[Math.Min(i, orders.Length - 1)]);
        Interlocked.Increment(ref statements);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
            if (awaited.TryRemove(reader.GetGuid(0), out var end))
                end.TrySetResult(reader.GetString(1));
    }

    private static void Add(DbCommand command, string name, Guid value)
    {
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = (name, value);
        command.Parameters.Add(parameter);
    }
}

/// <summary>Follows each order by its events: for a shop whose database cannot be reached from here. That is work for the shop, too.</summary>
internal sealed class EventEnds(HttpClient http, TimeProvider time) : IEnds
{
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromMilliseconds(300);

    /// <summary>How it sees them, for the report.</summary>
    public static string How => "following each order's events by HTTP, which is work for the shop too";

    public async Task<string> OfAsync(Guid order, CancellationToken ct)
    {
        for (; ; await Task.Delay(AfterTrouble, time, ct))
        {
            try
            {
                if (await FollowAsync(order, ct) is { } state)
                    return state;
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
            {
                // It may come back; if it does not, the run is given up.
            }
        }
    }

    private async Task<string?> FollowAsync(Guid order, CancellationToken ct)
    {
        using var response = await http.GetAsync(new Uri($"orders/{order}/events", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, ct);
        if (!response.IsSuccessStatusCode)
            return null;
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(ct));
        while (await lines.ReadLineAsync(ct) is { } line)
        {
            if (!line.StartsWith("data:", StringComparison.Ordinal))
                continue;
            var seen = JsonElement.Parse(line.AsSpan(5));
            if (seen.Text("endedAt").Length > 0)
                return seen.Text("state");
        }

        return null;
    }
}
