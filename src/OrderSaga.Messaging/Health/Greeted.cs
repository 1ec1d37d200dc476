using System.Net.Sockets;
using RabbitMQ.Client;

namespace OrderSaga.Messaging.Health;

/// <summary>
/// A connection by which something comes soon, or it ends: the client waits without end for the first word of a broker, whatever its
/// limits say.
/// </summary>
internal sealed class Greeted(Socket socket, TimeSpan limit) : TcpClientAdapter(socket)
{
    public override NetworkStream GetStream() => new Listening(Client, limit);

    private sealed class Listening(Socket socket, TimeSpan limit) : NetworkStream(socket)
    {
        private bool heard;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            heard ? base.ReadAsync(buffer, cancellationToken) : FirstAsync(buffer, cancellationToken);

        private async ValueTask<int> FirstAsync(Memory<byte> buffer, CancellationToken ct)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
            patience.CancelAfter(limit);
            try
            {
                var read = await base.ReadAsync(buffer, patience.Token).ConfigureAwait(false);
                heard = true;
                return read;
            }
            catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
            {
                throw new IOException($"The broker has taken the connection and said nothing for {limit.TotalSeconds:0} s.", e);
            }
        }
    }
}
