using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The inventory service: knows what is on hand, and holds it for orders until they end.</summary>
public static class Inventory
{
    private const string Queue = "inventory";

    public static void AddInventory(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<InventoryDb>(database, InventoryDb.SeedAsync);
        bus.AddConsumer<ReserveInventoryStep>().Endpoint(e => e.Name = Queue);
        bus.AddConsumer<CommitInventory>().Endpoint(e => e.Name = Queue);
        bus.AddHostedService<OpenReservations>();
    }
}
