using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The inventory service: knows what is on hand, and holds it for orders until they end.</summary>
public static class Inventory
{
    public static Mailbox Mailbox { get; } = new("inventory", typeof(ReserveInventoryStep), typeof(CommitInventory));

    public static void AddInventory(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<InventoryDb>(database, InventoryDb.SeedAsync);
        Mailbox.AddConsumers(bus);
        bus.AddHostedService<OpenReservations>();
    }
}
