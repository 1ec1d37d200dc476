using System.Collections.Concurrent;
using MassTransit;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>What became of what the endpoints of a bus received, as it tells whoever observes them.</summary>
internal sealed class Receipts : IReceiveObserver
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> handled = [];

    public ConcurrentBag<Exception> Faults { get; } = [];

    /// <summary>How long it looks at one.</summary>
    public Task Looked { get; init; } = Task.CompletedTask;

    /// <summary>An endpoint is through with a message, with all that is done when it could not be handled.</summary>
    public Task HandledAsync(string endpoint) => handled.GetOrAdd(endpoint, _ => new()).Task;

    public Task PostReceive(ReceiveContext context)
    {
        handled.GetOrAdd(context.InputAddress.AbsolutePath.Split('/')[^1], _ => new()).TrySetResult();
        return Task.CompletedTask;
    }

    public Task ReceiveFault(ReceiveContext context, Exception exception)
    {
        Faults.Add(exception);
        return Looked;
    }

    public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

    public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
        where T : class
        => Task.CompletedTask;

    public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception)
        where T : class
        => Task.CompletedTask;
}
