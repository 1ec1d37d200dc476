using System.Net;
using System.Net.Sockets;
using OrderSaga.Host.Commands.Load;

namespace OrderSaga.EndToEnd.Tests.Load;

public class When_processes_are_looked_for
{
    /// One port of this machine may be connected to several servers, each time somebody else's.
    [Fact]
    public void Should_be_those_that_are_connected_to_the_server_that_is_asked_about()
    {
        using var one = Listen();
        using var other = Listen();
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        client.Connect(one.LocalEndPoint!);
        var from = Port(client.LocalEndPoint);
        Assert.Equal([Environment.ProcessId], Processes.Connected([(from, Port(one.LocalEndPoint))]));
        Assert.Empty(Processes.Connected([(from, Port(other.LocalEndPoint))]));
        Assert.Equal(Environment.ProcessId, Processes.ListeningOn(Port(one.LocalEndPoint)));
    }

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    private static int Port(EndPoint? at) => ((IPEndPoint)at!).Port;
}
