using MassTransit;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The notification service: takes over what the customer has to be told, answers once it stands in its own table, and delivers it.</summary>
public static class Notification
{
    public static Mailbox Mailbox { get; } = new("notification", typeof(SendConfirmationStep), typeof(SendApologyStep));

    public static void AddNotification(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddSection<NotificationOptions>(NotificationOptions.Section);
        bus.AddDatabase<NotificationDb>(database);
        Mailbox.AddConsumers(bus);
        bus.AddSingleton<Doorbell<NotificationDb>>();
        bus.AddHostedService<Delivery>();
    }

    /// <summary>What was sent because of an order.</summary>
    public static void MapNotification(this IEndpointRouteBuilder app) => SentApi.Map(app);

    /// <summary>What is wrong with the section Notification, with the key, its value and the remedy.</summary>
    public static IReadOnlyList<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) => NotificationOptions.Check(configuration);
}
