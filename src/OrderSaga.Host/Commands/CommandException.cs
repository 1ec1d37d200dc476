namespace OrderSaga.Host.Commands;

/// <summary>A command that cannot do what it should: why, in a sentence.</summary>
internal class CommandException(string message) : Exception(message);

/// <summary>A command that was written wrong.</summary>
internal sealed class UsageException(string message) : CommandException(message);
