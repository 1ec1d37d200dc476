using MassTransit;

namespace OrderSaga.Messaging.Health;

public static class Silence
{
    // A connection by which nothing comes is given up after three to four of these: not the minutes that are the client's own default.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Handshake = TimeSpan.FromSeconds(20);

    /// <summary>Has it noticed when nothing comes from the broker any more.</summary>
    /// <param name="host">How the broker is reached.</param>
    /// <param name="broker">Its address, which may say heartbeat=.. in seconds.</param>
    public static void NoticeSilence(this IRabbitMqHostConfigurator host, Uri broker)
    {
        var heartbeat = new RabbitMqHostAddress(broker).Heartbeat is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : Heartbeat;
        host.Heartbeat(heartbeat);
        // A connection that ends is made anew. An answer that is not waited for any longer is taken for a stop, and nobody listens again:
        // so the connection has to end first.
        host.ContinuationTimeout(heartbeat * 6);
        // Before there are heartbeats.
        host.OnRefreshConnectionFactory = factory =>
        {
            factory.HandshakeContinuationTimeout = Handshake;
            return Task.CompletedTask;
        };
    }
}
