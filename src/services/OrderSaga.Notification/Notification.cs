using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The notification service: takes over what the customer has to be told, and answers once it stands in its own table.</summary>
public static class Notification
{
    public static Mailbox Mailbox { get; } = new("notification", typeof(SendConfirmationStep), typeof(SendApologyStep));

    public static void AddNotification(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<NotificationDb>(database);
        Mailbox.AddConsumers(bus);
    }
}
