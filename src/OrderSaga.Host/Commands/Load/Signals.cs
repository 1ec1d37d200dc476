using System.Runtime.InteropServices;

namespace OrderSaga.Host.Commands.Load;

/// <summary>Hears Ctrl-C, and what a supervisor sends.</summary>
internal sealed class Signals(Action told) : IDisposable
{
    private readonly PosixSignalRegistration[] all = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(kind => PosixSignalRegistration.Create(kind, signal =>
    {
        signal.Cancel = true;
        told();
    }))];

    public void Dispose() => Array.ForEach(all, one => one.Dispose());
}
