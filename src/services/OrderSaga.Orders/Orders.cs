using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The order service: keeps what was ordered and how it stands with the customer.</summary>
public static class Orders
{
    private const string Queue = "orders";

    public static void AddOrders(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<OrdersDb>(database);
        bus.AddConsumer<CreateOrderStep>().Endpoint(e => e.Name = Queue);
        bus.AddConsumer<ConfirmOrder>().Endpoint(e => e.Name = Queue);
        bus.AddHostedService<OpenOrders>();
    }
}
