using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>
/// What Quartz logs, but not that the database is away: it says so several times a second, and those who look at the rows have said it.
/// </summary>
internal sealed class LogWithoutOutages(ILoggerFactory logs) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new Filter(logs.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => logs.AddProvider(provider);

    // The factory behind it is the host's.
    public void Dispose()
    {
    }

    private sealed class Filter(ILogger log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => log.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => log.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is null || !Outage.Is(exception))
                log.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
