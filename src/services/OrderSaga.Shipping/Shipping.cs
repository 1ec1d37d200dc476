using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The shipping service: wraps the parcel if it is a gift, sends it, and stops it.</summary>
public static class Shipping
{
    public static Mailbox Mailbox { get; } = new("shipping", typeof(CreateShipmentStep), typeof(WrapGiftStep));

    public static void AddShipping(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<ShippingDb>(database);
        Mailbox.AddConsumers(bus);
    }
}
