using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The pricing service: knows today's prices, and freezes the total of an order.</summary>
public static class Pricing
{
    public static Mailbox Mailbox { get; } = new("pricing", typeof(FreezePriceStep));

    public static void AddPricing(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<PricingDb>(database, PricingDb.SeedAsync);
        Mailbox.AddConsumers(bus);
    }
}
