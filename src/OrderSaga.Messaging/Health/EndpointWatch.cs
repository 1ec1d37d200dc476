using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.RabbitMqTransport.Configuration;
using MassTransit.Transports;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging.Health;

/// <summary>
/// Starts an endpoint again that does not listen though the broker is there. Where a broker refuses the user once, as while it is set up
/// anew, the transport does not ask again, and nobody would take from the queue until the process is restarted.
/// </summary>
internal sealed class EndpointWatch(IBusInstance bus, IHostApplicationLifetime host, ILogger<EndpointWatch> log) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1), Answer = TimeSpan.FromSeconds(5), Stop = TimeSpan.FromSeconds(10);

    // Longer than a busy machine takes to declare a queue; and twice as long each time, should it not be enough.
    private const int Patience = 30;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, host.ApplicationStopping);
        using var timer = new PeriodicTimer(Look);
        var deaf = new Dictionary<Uri, (int Looks, int Patience)>();
        while (await timer.WaitForNextTickAsync(ends.Token).ConfigureAwait(false))
        {
            var due = new List<IReceiveEndpoint>();
            foreach (var endpoint in bus.BusControl.CheckHealth().Endpoints.Values)
            {
                if (endpoint.Status == BusHealthStatus.Healthy)
                {
                    deaf.Remove(endpoint.InputAddress);
                    continue;
                }

                var (looks, patience) = deaf.GetValueOrDefault(endpoint.InputAddress, (0, Patience));
                deaf[endpoint.InputAddress] = (++looks, patience);
                if (looks >= patience)
                    due.Add(endpoint.ReceiveEndpoint);
            }

            if (due.Count == 0)
                continue;
            // One that comes back later gets as much time as one that was there.
            var isThere = await IsThereAsync(ends.Token).ConfigureAwait(false);
            foreach (var endpoint in due)
                deaf[endpoint.InputAddress] = (0, deaf[endpoint.InputAddress].Patience * (isThere ? 2 : 1));
            if (isThere)
                await Task.WhenAll(due.Select(endpoint => StartAgainAsync(endpoint, ends.Token))).ConfigureAwait(false);
        }
    }

    private async Task<bool> IsThereAsync(CancellationToken ct)
    {
        try
        {
            var look = new IsOpen();
            await ((IRabbitMqHostConfiguration)bus.HostConfiguration).ConnectionContextSupervisor.Send(look, ct).WaitAsync(Answer, ct).ConfigureAwait(false);
            return look.Seen;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            log.LogDebug(e, "There is no connection by which to listen");
            return false;
        }
    }

    private async Task StartAgainAsync(IReceiveEndpoint endpoint, CancellationToken ct)
    {
        log.LogWarning("Nobody takes from {Queue}, though the broker is there; it is listened to anew", endpoint.InputAddress.AbsolutePath.Split('/')[^1]);
        try
        {
            await endpoint.Stop(ct).WaitAsync(Stop, ct).ConfigureAwait(false);
            _ = endpoint.Start(CancellationToken.None);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            log.LogDebug(e, "It did not end what it was about");
        }
    }

    private sealed class IsOpen : IPipe<ConnectionContext>
    {
        public bool Seen { get; private set; }

        public Task Send(ConnectionContext context)
        {
            Seen = context.Connection.IsOpen;
            return Task.CompletedTask;
        }

        public void Probe(ProbeContext context) => context.CreateFilterScope("is-open");
    }
}
