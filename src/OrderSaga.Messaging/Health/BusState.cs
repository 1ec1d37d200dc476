using System.Diagnostics;
using System.Runtime.CompilerServices;
using MassTransit;

namespace OrderSaga.Messaging.Health;

/// <summary>Whether messages can be sent and received.</summary>
/// <remarks>
/// As the transport says, but for one thing: it waits without end to be started, where a connection closes under what it declares first.
/// A bus whose endpoints all listen is there then, for other processes declare the same, and whoever sends declares what he sends to.
/// </remarks>
internal static class BusState
{
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(20);
    private static readonly ConditionalWeakTable<IBusControl, StrongBox<long>> ListensSince = [];

    public static bool IsWell(this IBusControl bus)
    {
        var health = bus.CheckHealth();
        if (health.Status == BusHealthStatus.Healthy)
            return true;
        var since = ListensSince.GetOrCreateValue(bus);
        if (health.Endpoints.Any(e => !IsItsOwn(e.Key) && e.Value.Status != BusHealthStatus.Healthy))
        {
            since.Value = 0;
            return false;
        }

        if (since.Value == 0)
            since.Value = Stopwatch.GetTimestamp();
        return Stopwatch.GetElapsedTime(since.Value) > Start;
    }

    // The bus's own queue, by which nothing of ours comes.
    private static bool IsItsOwn(string endpoint) => endpoint.Contains("temporary=true", StringComparison.Ordinal);
}
