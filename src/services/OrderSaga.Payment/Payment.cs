using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The payment service: checks an order for fraud, takes the money for it, and gives it back.</summary>
public static class Payment
{
    public static Mailbox Mailbox { get; } = new("payment", typeof(ChargePaymentStep), typeof(CheckFraudStep));

    public static void AddPayment(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<PaymentDb>(database);
        Mailbox.AddConsumers(bus);
    }
}
