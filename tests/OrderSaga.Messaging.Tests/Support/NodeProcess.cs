using System.Diagnostics;

namespace OrderSaga.Messaging.Tests.Support;

/// <summary>A node in a process of its own, to be killed: the test program once more, told to be the node.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process process;

    private NodeProcess(Process process) => this.process = process;

    /// <summary>Part of the name of its scheduler.</summary>
    public string Mark => $"-{process.Id}-";

    public static NodeProcess Start(ServerDatabase database)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(NodeProcess).Assembly.Location, "alarms", .. database.Arguments]) { RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        return new NodeProcess(process);
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            await KillAsync();
        process.Dispose();
    }

    /// <summary>What such a process runs, until it is killed: it takes timers on and never ends what they set off.</summary>
    internal static async Task<int> RunAsync(string[] args)
    {
        await using var node = await AlarmNode.StartAsync(TestServer.Of(args[0]).At(args[1]), TimeProvider.System);
        node.Bell.Held = Task.Delay(Timeout.Infinite);
        await node.Bell.Held;
        return 0;
    }
}
