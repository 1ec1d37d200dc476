using System.Net.Sockets;
using MassTransit;

namespace OrderSaga.Messaging.Health;

public static class Silence
{
    // A connection by which nothing comes is given up after three to four of these: not the minutes that are the client's own default.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);

    // What a queue takes to be declared on a busy broker.
    private static readonly TimeSpan LeastAnswer = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Handshake = TimeSpan.FromSeconds(20);

    /// <summary>Has it noticed when nothing comes from the broker any more.</summary>
    /// <param name="host">How the broker is reached.</param>
    /// <param name="broker">Its address, which may say heartbeat=.. in seconds.</param>
    public static void NoticeSilence(this IRabbitMqHostConfigurator host, Uri broker)
    {
        var heartbeat = new RabbitMqHostAddress(broker).Heartbeat is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : Heartbeat;
        host.Heartbeat(heartbeat);
        // An answer that does not come on a connection that is well otherwise: who waits for it holds orders meanwhile.
        host.ContinuationTimeout(heartbeat * 2 > LeastAnswer ? heartbeat * 2 : LeastAnswer);
        // Before there are heartbeats.
        host.OnRefreshConnectionFactory = factory =>
        {
            factory.HandshakeContinuationTimeout = Handshake;
            factory.SocketFactory = family => new Greeted(new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, Handshake);
            return Task.CompletedTask;
        };
    }
}
