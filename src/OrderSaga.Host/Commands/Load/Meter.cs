using System.Data.Common;
using System.Text.Json;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Host.Commands.Load;

/// <summary>What is counted from outside while orders run, as it stood at a moment. What could not be counted is not there.</summary>
internal sealed record Reading(IReadOnlyDictionary<Consumer, double> Cpu, long? WalBytes, long? Statements, long? Transactions, long? BrokerMessages);

/// <summary>
/// Counts from outside: processor time of processes of this machine, transactions and write-ahead log of the databases, messages of the
/// broker. Says what it cannot count, and why.
/// </summary>
internal sealed class Meter(IReadOnlyList<Database> databases, Uri? broker, Uri? management, TimeProvider time) : IDisposable
{
    // How many transactions it takes to count one database.
    private const int Asks = 2;

    private static readonly TimeSpan BrokersLag = TimeSpan.FromSeconds(6);

    private readonly RabbitManagement? rabbit = broker is null ? null : new(broker, management);
    private readonly HashSet<Consumer> consumers = [new("this program", Environment.ProcessId)];
    private readonly SortedSet<string> notCounted = new(StringComparer.Ordinal);
    private readonly SortedSet<string> settings = new(StringComparer.Ordinal);
    private TimeSpan lag;
    private long own;

    /// <summary>What is missing, each with its reason.</summary>
    public IReadOnlyCollection<string> NotCounted => notCounted;

    /// <summary>What the servers say of themselves.</summary>
    public IReadOnlyCollection<string> Settings => settings;

    /// <summary>Something cannot be counted, and why.</summary>
    public void Misses(string what) => notCounted.Add(what);

    /// <summary>Finds the processes whose time is counted.</summary>
    /// <param name="shop">Where the shop listens.</param>
    /// <param name="started">The shop's process, where this program has started it.</param>
    /// <param name="ct">Interrupts it.</param>
    public async Task FindAsync(Uri shop, int? started, CancellationToken ct)
    {
        if (!Processes.CanLook)
        {
            Misses("processor time: it is read from Linux's /proc");
            return;
        }

        if (started is { } own)
            consumers.Add(new("shop", own));
        else
            Find("shop", shop.Host, shop.Port, "dotnet", "ordersaga");
        if (broker is not null)
            Find("RabbitMQ", broker.Host, broker.Port < 0 ? 5672 : broker.Port, "beam");
        var servers = (await CountAsync(ct)).DistinctBy(f => f.Server).ToList();
        foreach (var server in servers)
            Find("PostgreSQL", server.Host, server.Port, "postgres");
        if (servers.Count == 0)
            Misses("processor time of the database: where it is is not known");
        await FindOthersAsync(ct);
    }

    /// <summary>Counts what is told at once.</summary>
    public async Task<Reading> ReadAsync(CancellationToken ct)
    {
        // Which may have come since: services connect when they have something to do.
        await FindOthersAsync(ct);
        var figures = await CountAsync(ct);
        lag = figures.Select(f => f.Lag).Append(broker is null ? TimeSpan.Zero : BrokersLag).Max();
        foreach (var without in figures.Where(f => f.Statements is null))
            Misses($"statements: {without.WithoutStatements}");
        return new(
            Processes.CanLook ? Processes.Used(consumers) : new Dictionary<Consumer, double>(),
            figures.Count > 0 ? figures.DistinctBy(f => f.Server).Sum(f => f.WalBytes) : null,
            figures.Count > 0 && figures.All(f => f.Statements is not null) ? figures.Sum(f => f.Statements) - own : null,
            Transactions: null,
            BrokerMessages: null);
    }

    /// <summary>Waits until servers have told what they keep to themselves for a while, and counts that.</summary>
    public async Task<Reading> SettleAsync(Reading reading, Action<TimeSpan> tell, CancellationToken ct)
    {
        tell(lag);
        await Task.Delay(lag, time, ct);
        var before = own;
        var figures = await CountAsync(ct);
        return reading with { Transactions = figures.Count > 0 ? figures.Sum(f => f.Transactions) - before : null, BrokerMessages = await MessagesAsync(ct) };
    }

    public void Dispose() => rabbit?.Dispose();

    private async Task<IReadOnlyList<ServerFigures>> CountAsync(CancellationToken ct)
    {
        var all = new List<ServerFigures>();
        foreach (var database in databases)
        {
            own += Asks;
            try
            {
                if (await database.CountAsync(ct) is { } figures)
                    all.Add(figures);
                else
                    Misses($"transactions and write-ahead log: they are not read of {database.Name}");
            }
            catch (Exception e) when (e is DbException or TimeoutException or InvalidCastException)
            {
                Misses($"transactions and write-ahead log: {database.Name} does not tell them ({e.Message.TrimEnd('.')})");
            }
        }

        settings.UnionWith(all.Select(f => f.Settings));
        // All or nothing: a part would look like the whole.
        return all.Count == databases.Count ? all : [];
    }

    private void Find(string name, string host, int port, params string[] programs)
    {
        if (!Processes.IsHere(host))
            Misses($"processor time of {name}: {host} is another machine");
        else if (Processes.ListeningOn(port) is not { } id || Processes.NameOf(id) is not { } program)
            Misses($"processor time of {name}: who listens on port {port} is not told to this account");
        else if (!programs.Any(p => program.StartsWith(p, StringComparison.Ordinal)))
            Misses($"processor time of {name}: '{program}' listens on port {port}, which stands before it");
        else
            consumers.Add(new(consumers.Any(c => c.Name == name && c.Id != id) ? $"{name} at {port}" : name, id));
    }

    // Processes of a shop that is spread over several: those that are connected to its databases.
    private async Task FindOthersAsync(CancellationToken ct)
    {
        if (!Processes.CanLook)
            return;
        var ports = (await CountAsync(ct)).Where(f => Processes.IsHere(f.Host)).SelectMany(f => f.ClientPorts.Select(from => (from, f.Port))).ToHashSet();
        foreach (var id in Processes.Connected(ports).Where(id => consumers.All(c => c.Id != id)))
            if (Processes.NameOf(id) is { } program && !program.StartsWith("postgres", StringComparison.Ordinal))
                consumers.Add(new($"{program} {id}", id));
    }

    private async Task<long?> MessagesAsync(CancellationToken ct)
    {
        if (rabbit is null)
            return null;
        try
        {
            if (await rabbit.GetAsync($"vhosts/{rabbit.VirtualHost}", ct) is { ValueKind: JsonValueKind.Object } host && host.TryGetProperty("message_stats", out var stats) && stats.TryGetProperty("publish", out var published))
                return published.GetInt64();
            Misses("broker messages: RabbitMQ's management keeps no statistics");
        }
        catch (CommandException e)
        {
            Misses($"broker messages: {e.Message}");
        }

        return null;
    }
}
