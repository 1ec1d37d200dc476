using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The shipping service: sends the parcel, and stops it.</summary>
public static class Shipping
{
    public static void AddShipping(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<ShippingDb>(database);
        bus.AddConsumer<CreateShipmentStep>().Endpoint(e => e.Name = "shipping");
    }
}
