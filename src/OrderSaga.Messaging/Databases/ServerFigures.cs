namespace OrderSaga.Messaging.Databases;

/// <summary>What a database server has counted since it began.</summary>
/// <param name="Server">Which server: several databases may be on one.</param>
/// <param name="Host">Where it is reached.</param>
/// <param name="Port">The port there.</param>
/// <param name="Transactions">Of this database, committed or rolled back; up to <paramref name="Lag"/> late.</param>
/// <param name="WalBytes">Of the whole server's write-ahead log.</param>
/// <param name="Statements">Of this database, where the server counts them.</param>
/// <param name="WithoutStatements">Why it does not, if so.</param>
/// <param name="ClientPorts">From where the clients of this database are connected that are on the server's own machine.</param>
/// <param name="Settings">Its version, and how durable it is, in words.</param>
/// <param name="Lag">How long a client that has fallen silent may keep its transactions to itself.</param>
public sealed record ServerFigures(
    string Server, string Host, int Port, long Transactions, long WalBytes, long? Statements, string WithoutStatements, IReadOnlyList<int> ClientPorts, string Settings, TimeSpan Lag);
