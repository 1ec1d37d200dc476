using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The order service: keeps what was ordered and how it stands with the customer.</summary>
public static class Orders
{
    public static Mailbox Mailbox { get; } = new("orders", typeof(CreateOrderStep), typeof(ConfirmOrder));

    public static void AddOrders(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<OrdersDb>(database);
        Mailbox.AddConsumers(bus);
        bus.AddHostedService<OpenOrders>();
    }
}
