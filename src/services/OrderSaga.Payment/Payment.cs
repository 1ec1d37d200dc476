using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Services;

/// <summary>The payment service: checks an order for fraud, takes the money for it through a gateway, and gives it back.</summary>
public static class Payment
{
    public static Mailbox Mailbox { get; } = new("payment", typeof(ChargePaymentStep), typeof(CheckFraudStep));

    /// <param name="bus">The bus that is set up.</param>
    /// <param name="database">Its database.</param>
    /// <param name="gateway">Where the payment gateway is.</param>
    public static void AddPayment(this IBusRegistrationConfigurator bus, Database database, Func<IServiceProvider, Uri> gateway)
    {
        bus.AddDatabase<PaymentDb>(database);
        bus.AddSingleton(provider => new GatewayClient(() => gateway(provider), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<GatewayClient>>()));
        bus.AddCheckOnce<GatewayCheck>("gateway");
        bus.AddOutsideStep<ChargePaymentStep>();
        Mailbox.AddConsumers(bus);
    }
}
