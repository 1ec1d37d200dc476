using System.Text.Json;
using MassTransit;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Alerts;

namespace OrderSaga.Orchestrator;

/// <summary>Has somebody told that an order needs a look.</summary>
internal sealed class RaiseAlert(Alerting alerts) : IConsumer<CheckoutNeedsAttention>
{
    public Task Consume(ConsumeContext<CheckoutNeedsAttention> context)
    {
        var (id, order) = (context.MessageId!.Value, context.Message);
        return alerts.RaiseAsync(id, order.OrderId, order.Alert, JsonSerializer.Serialize(new { id, order.OrderId, order.State, order.Alert, order.At }, JsonSerializerOptions.Web), context.CancellationToken);
    }
}
