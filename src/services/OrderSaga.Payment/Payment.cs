using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The payment service: checks an order for fraud, takes the money for it, and gives it back.</summary>
public static class Payment
{
    private const string Queue = "payment";

    public static void AddPayment(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<PaymentDb>(database);
        bus.AddConsumer<ChargePaymentStep>().Endpoint(e => e.Name = Queue);
        bus.AddConsumer<CheckFraudStep>().Endpoint(e => e.Name = Queue);
    }
}
