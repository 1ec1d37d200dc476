using MassTransit;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>The shipping service: wraps the parcel if it is a gift, sends it, and stops it.</summary>
public static class Shipping
{
    public static Mailbox Mailbox { get; } = new("shipping", typeof(CreateShipmentStep), typeof(WrapGiftStep));

    public static void AddShipping(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddSection<ShippingOptions>(ShippingOptions.Section);
        bus.AddDatabase<ShippingDb>(database);
        Mailbox.AddConsumers(bus);
        bus.CarryOn<ShippingDb, CreateShipmentStep>();
    }

    /// <summary>How a parcel stands, for everyone; that the carrier took it, from operators.</summary>
    public static void MapShipping(this IEndpointRouteBuilder app) => ShipmentsApi.Map(app);

    /// <summary>What is wrong with the section Shipping, with the key, its value and the remedy.</summary>
    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) => ShippingOptions.Check(configuration);
}
