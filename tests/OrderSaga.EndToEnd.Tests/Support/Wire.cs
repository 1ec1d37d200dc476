using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>A wire to a server that may not be there: it refuses, drops what it accepted, hangs or is slow, and is mended again.</summary>
internal sealed class Wire : IDisposable
{
    // On the way there and on the way back.
    private static readonly TimeSpan Slowness = TimeSpan.FromMilliseconds(100);

    private readonly (string Host, int Port) server;
    private readonly ConcurrentDictionary<TcpClient, byte> ends = new();
    private TcpListener listener;
    private volatile State state;

    public Wire(string host, int port, State begins = State.Mended)
    {
        server = (host, port);
        listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        _ = AcceptAsync(listener);
        Be(begins);
    }

    public enum State { Mended, Refusing, Dropping, Hanging, Slow }

    public int Port { get; }

    public void Be(State next)
    {
        var before = state;
        state = next;
        if (before == State.Refusing && next != State.Refusing)
        {
            listener = new(IPAddress.Loopback, Port);
            listener.Start();
            _ = AcceptAsync(listener);
        }

        if (next == State.Refusing)
            listener.Stop();
        // What hangs keeps its connections; after that they are of no use to anybody.
        if (next is State.Refusing or State.Dropping || before == State.Hanging)
            foreach (var end in ends.Keys)
                end.Dispose();
    }

    public void Dispose()
    {
        listener.Stop();
        foreach (var end in ends.Keys)
            end.Dispose();
    }

    private async Task AcceptAsync(TcpListener from)
    {
        try
        {
            while (true)
                _ = CarryAsync(await from.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was cut.
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var far = new TcpClient();
        ends[client] = ends[far] = 0;
        try
        {
            if (state == State.Dropping)
                return;
            await far.ConnectAsync(server.Host, server.Port);
            await Task.WhenAny(CopyAsync(client, far), CopyAsync(far, client));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // One of its ends is gone.
        }
        finally
        {
            client.Dispose();
            ends.TryRemove(client, out _);
            ends.TryRemove(far, out _);
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to)
    {
        var buffer = new byte[1 << 16];
        for (int read; (read = await from.GetStream().ReadAsync(buffer)) > 0;)
        {
            if (state == State.Slow)
                await Task.Delay(Slowness);
            // For ever: whoever mends it breaks the connection.
            while (state == State.Hanging)
                await Task.Delay(20);
            await to.GetStream().WriteAsync(buffer.AsMemory(0, read));
        }
    }
}
