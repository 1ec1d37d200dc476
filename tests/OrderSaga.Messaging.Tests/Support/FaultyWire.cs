using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>A wire to the broker that fails once, when so many frames have come by it from there. After that it carries everything.</summary>
internal sealed class FaultyWire : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Uri broker;
    private readonly int atFrame;
    private readonly Fault fault;
    private int frames;
    private int connections;
    private volatile bool losesDeclared, losesConfirmed;

    public FaultyWire(Uri broker, int atFrame, Fault fault)
    {
        (this.broker, this.atFrame, this.fault) = (broker, atFrame, fault);
        listener.Start();
        _ = AcceptAsync();
    }

    public enum Fault
    {
        /// <summary>It is cut.</summary>
        Cut,

        /// <summary>The broker says that it goes, as it does when it is stopped.</summary>
        Closed,

        /// <summary>Nothing comes any more, until the other end has had enough.</summary>
        Silent,

        /// <summary>One answer does not come; everything else does.</summary>
        Lost,
    }

    public Uri Uri => new UriBuilder(broker) { Port = ((IPEndPoint)listener.LocalEndpoint).Port }.Uri;

    /// <summary>How often it was connected by.</summary>
    public int Connections => Volatile.Read(ref connections);

    public bool HasFailed => Volatile.Read(ref frames) >= atFrame;

    /// <summary>The next word that an exchange is declared does not come.</summary>
    public void LosesDeclared() => losesDeclared = true;

    /// <summary>The next word that a message has been taken does not come.</summary>
    public void LosesConfirmed() => losesConfirmed = true;

    public void Dispose() => listener.Stop();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref connections);
                _ = CarryAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var far = new TcpClient();
        try
        {
            await far.ConnectAsync(broker.Host, broker.Port);
            var there = client.GetStream().CopyToAsync(far.GetStream());
            var back = FramesAsync(far.GetStream(), client.GetStream());
            if (await Task.WhenAny(there, back) == back && await back && fault == Fault.Silent)
                await there;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // One of its ends is gone.
        }
        finally
        {
            client.Dispose();
        }
    }

    // Returns true if it is here that it fails.
    private async Task<bool> FramesAsync(NetworkStream from, NetworkStream to)
    {
        var head = new byte[7];
        while (await from.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false) == head.Length)
        {
            var rest = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(3)) + 1];
            await from.ReadExactlyAsync(rest);
            if (Interlocked.Increment(ref frames) == atFrame)
            {
                if (fault == Fault.Lost)
                    continue;
                if (fault == Fault.Closed)
                    await to.WriteAsync(ConnectionClose());
                return true;
            }

            // The methods exchange.declare-ok and basic.ack.
            if (losesDeclared && head[0] == 1 && rest.AsSpan().StartsWith<byte>([0, 40, 0, 11]))
                losesDeclared = false;
            else if (losesConfirmed && head[0] == 1 && rest.AsSpan().StartsWith<byte>([0, 60, 0, 80]))
                losesConfirmed = false;
            else
                await to.WriteAsync((byte[])[.. head, .. rest]);
        }

        return false;
    }

    // The method connection.close of AMQP 0-9-1 on channel 0, with the code 320: connection-forced.
    private static byte[] ConnectionClose()
    {
        byte[] method = [0, 10, 0, 50, 320 >> 8, 320 & 255, 4, .. "gone"u8, 0, 0, 0, 0];
        return [1, 0, 0, 0, 0, 0, (byte)method.Length, .. method, 0xCE];
    }
}
