using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The shipping service: wraps the parcel if it is a gift, sends it, and stops it.</summary>
public static class Shipping
{
    private const string Queue = "shipping";

    public static void AddShipping(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<ShippingDb>(database);
        bus.AddConsumer<CreateShipmentStep>().Endpoint(e => e.Name = Queue);
        bus.AddConsumer<WrapGiftStep>().Endpoint(e => e.Name = Queue);
    }
}
