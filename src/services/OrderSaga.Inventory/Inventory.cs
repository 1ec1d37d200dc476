using MassTransit;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>The inventory service: knows what is on hand, and holds it for orders until they end.</summary>
public static class Inventory
{
    public static Mailbox Mailbox { get; } = new("inventory", typeof(ReserveInventoryStep), typeof(CommitInventory));

    public static void AddInventory(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddSection<InventoryOptions>(InventoryOptions.Section);
        bus.AddDatabase<InventoryDb>(database, InventoryDb.SeedAsync);
        Mailbox.AddConsumers(bus);
        bus.CarryOn<InventoryDb, ReserveInventoryStep>();
        bus.AddHostedService<OpenReservations>();
    }

    /// <summary>What there is of a product, for everyone; how much there should be, for operators.</summary>
    public static void MapInventory(this IEndpointRouteBuilder app) => StockApi.Map(app);

    /// <summary>What is wrong with the section Inventory, with the key, its value and the remedy.</summary>
    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) => InventoryOptions.Check(configuration);
}
