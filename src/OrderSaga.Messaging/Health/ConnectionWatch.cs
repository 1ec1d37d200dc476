using System.Diagnostics;
using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.RabbitMqTransport.Configuration;
using MassTransit.Transports;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace OrderSaga.Messaging.Health;

/// <summary>
/// Has the transport let go of a connection that is closed. It is told of that by the client, which first tells each channel and waits
/// for it; where one of them waits for something itself, the transport would ask a dead connection for channels until the process is
/// restarted.
/// And closes one by which an answer has not come. The client passes over the next answer then, for it may be the one that is late; so
/// where it was lost, no question is answered on that channel any more, and the transport sends by no other.
/// </summary>
internal sealed class ConnectionWatch(IBusInstance bus, ILogger<ConnectionWatch> log) : BackgroundService, IPublishObserver, ISendObserver
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    // By then the transport has been told, if it ever is.
    private const int Patience = 3;

    private volatile Used? used;

    /// <summary>That an endpoint receives by this connection now.</summary>
    public void Uses(ConnectionContext context)
    {
        if (used?.Connection != context.Connection)
            used = new(context.Connection, context.ContinuationTimeout, Stopwatch.StartNew());
    }

    Task IPublishObserver.PublishFault<T>(PublishContext<T> context, Exception exception) => FaultAsync(context, exception);

    Task ISendObserver.SendFault<T>(SendContext<T> context, Exception exception) => FaultAsync(context, exception);

    Task IPublishObserver.PrePublish<T>(PublishContext<T> context) => Task.CompletedTask;

    Task IPublishObserver.PostPublish<T>(PublishContext<T> context) => Task.CompletedTask;

    Task ISendObserver.PreSend<T>(SendContext<T> context) => Task.CompletedTask;

    Task ISendObserver.PostSend<T>(SendContext<T> context) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var publishing = bus.BusControl.ConnectPublishObserver(this);
        using var sending = bus.BusControl.ConnectSendObserver(this);
        using var timer = new PeriodicTimer(Look);
        for (var (closed, looks) = ((IConnection?)null, 0); await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false);)
        {
            (closed, looks) = used?.Connection is { IsOpen: false } now ? (now, now == closed ? looks + 1 : 1) : (null, 0);
            if (looks == Patience)
                _ = LetGoAsync(closed!, stoppingToken);
        }
    }

    // A question that the client gave up by itself, not its sender, and that was asked by this connection, not by the one before it.
    private Task FaultAsync(SendContext context, Exception e)
    {
        if (e is TaskCanceledException { CancellationToken.IsCancellationRequested: true } && !context.CancellationToken.IsCancellationRequested
            && used is { Connection.IsOpen: true } now && now.For.Elapsed > now.Answer)
            _ = CloseAsync(now);
        return Task.CompletedTask;
    }

    private async Task CloseAsync(Used now)
    {
        log.LogWarning("An answer of the broker has not come within {Seconds} s; its connection is closed, and the next one is made", now.Answer.TotalSeconds);
        await now.Connection.AbortAsync().ConfigureAwait(false);
    }

    private async Task LetGoAsync(IConnection closed, CancellationToken ct)
    {
        try
        {
            await ((IRabbitMqHostConfiguration)bus.HostConfiguration).ConnectionContextSupervisor.Send(new Refuse(closed), ct).ConfigureAwait(false);
        }
        // The transport refuses a closed one by itself; an older one did not.
        catch (Exception e) when (e is Refused or OperationInterruptedException)
        {
            log.LogInformation("A connection that had been closed was still in use; the next one is made");
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            log.LogDebug(e, "There is no connection to let go of");
        }
    }

    // A context whose user fails is not used again: that is how the transport is told here.
    private sealed class Refuse(IConnection closed) : IPipe<ConnectionContext>
    {
        public Task Send(ConnectionContext context) => context.Connection == closed ? throw new Refused() : Task.CompletedTask;

        public void Probe(ProbeContext context) => context.CreateFilterScope("refuse");
    }

    private sealed class Refused : Exception;

    private sealed record Used(IConnection Connection, TimeSpan Answer, Stopwatch For);
}
