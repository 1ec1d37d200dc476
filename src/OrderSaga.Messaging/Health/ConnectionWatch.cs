using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.RabbitMqTransport.Configuration;
using MassTransit.Transports;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace OrderSaga.Messaging.Health;

/// <summary>
/// Has the transport let go of a connection that is closed. It is told of that by the client, which first tells each channel and waits
/// for it; where one of them waits for something itself, the transport would ask a dead connection for channels until the process is
/// restarted.
/// </summary>
internal sealed class ConnectionWatch(IBusInstance bus, ILogger<ConnectionWatch> log) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    // By then the transport has been told, if it ever is.
    private const int Patience = 3;

    private volatile IConnection? used;

    /// <summary>That an endpoint receives by this connection now.</summary>
    public void Uses(IConnection connection) => used = connection;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Look);
        for (var (closed, looks) = ((IConnection?)null, 0); await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false);)
        {
            (closed, looks) = used is { IsOpen: false } now ? (now, now == closed ? looks + 1 : 1) : (null, 0);
            if (looks == Patience)
                _ = LetGoAsync(closed!, stoppingToken);
        }
    }

    private async Task LetGoAsync(IConnection closed, CancellationToken ct)
    {
        try
        {
            await ((IRabbitMqHostConfiguration)bus.HostConfiguration).ConnectionContextSupervisor.Send(new Refuse(closed), ct).ConfigureAwait(false);
        }
        catch (Refused)
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
}
