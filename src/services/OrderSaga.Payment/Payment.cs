using MassTransit;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;

namespace OrderSaga.Services;

/// <summary>The payment service: takes the money for an order, and gives it back.</summary>
public static class Payment
{
    public static void AddPayment(this IBusRegistrationConfigurator bus, Database database)
    {
        bus.AddDatabase<PaymentDb>(database);
        bus.AddConsumer<ChargePaymentStep>().Endpoint(e => e.Name = "payment");
    }
}
