using MassTransit;

namespace OrderSaga.Messaging.Health;

internal static class BusState
{
    /// <summary>Whether messages can be sent and received.</summary>
    public static bool IsWell(this IBusControl bus) => bus.CheckHealth().Status == BusHealthStatus.Healthy;
}
