using MassTransit;
using OrderSaga.Contracts;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Clock;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.DeadLetters;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Steps;
using OrderSaga.Orchestrator;
using OrderSaga.Services;

namespace OrderSaga.Host;

/// <summary>Which roles this process holds, and what they talk over.</summary>
internal static class Bus
{
    // What is not handled by then is delivered again, to somebody else or at the next start.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(12);

    /// <summary>The queues of the services.</summary>
    internal static readonly Mailbox[] Services = [Orders.Mailbox, Inventory.Mailbox, Pricing.Mailbox, Payment.Mailbox, Shipping.Mailbox, Notification.Mailbox];

    public static void AddRoles(this IServiceCollection services, Settings settings, Func<string, Database> databaseOf)
    {
        var forgetful = settings.Transport == Settings.InMemory;
        if (settings.Roles.Contains("orchestrator") || settings.Roles.Contains("web"))
            services.AddOrchestratorFace(databaseOf("orchestrator"), Services);
        services.AddSingleton(new FaultPlans(settings.Faults));
        services.AddDeadLetters(databaseOf(DatabaseSettings.Ops));
        services.AddSingleton<IForbidsBodies, ForbidsCardNumbers>();
        // Where alerts are raised: too many dead letters are one.
        if (settings.Roles.Contains("orchestrator"))
            services.AddDeadLetterKeeper();
        if (settings.Roles.Contains("orchestrator") && !forgetful)
            services.AddQueueFigures([OrchestratorRoom.Mailbox.Name, OrchestratorRoom.Alerts.Name, .. Services.Select(s => s.Name), QuorumQueues.DeadLetters]);
        if (settings.MovesClock)
            services.AddMovableClock();
        // Before the bus, so that it is there as long as payment may call it.
        if (settings.Payment.HostsSimulator)
            services.AddGatewaySimulator(databaseOf(DatabaseSettings.Gateway), settings.Payment.SlowTime);
        services.AddStandstillWatch(Services, s => new ServiceAway(s.Service, s.Commands, s.Since, s.Until));
        services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            foreach (var role in settings.Roles)
                bus.AddRole(role, databaseOf(role), settings, forgetful);
            bus.AddConfigureEndpointsCallback((context, _, endpoint) =>
            {
                endpoint.PrefetchCount = ReliableMessaging.MostAtOnce;
                if (endpoint is IRabbitMqReceiveEndpointConfigurator rabbit)
                {
                    rabbit.AsQuorumQueue();
                    rabbit.ShowConnection(context);
                }

                endpoint.UseDeadLetterStore(context);
            });
            if (forgetful)
                bus.UsingInMemory((context, factory) => Configure(context, factory));
            else
                bus.UsingRabbitMq((context, factory) =>
                {
                    factory.Host(settings.TransportUri!, NameOf(settings.Roles), host => host.NoticeSilence(settings.TransportUri!));
                    Configure(context, factory);
                    factory.DeclareBeforeSending([OrchestratorRoom.Mailbox, OrchestratorRoom.Alerts, .. Services]);
                    factory.ReceiveDeadLetters(context);
                });
        });
        // In memory nothing may be asked before everyone listens; a broker keeps what is asked, and may be away when we start.
        services.AddOptions<MassTransitHostOptions>().Configure(o =>
        {
            o.WaitUntilStarted = forgetful;
            o.StopTimeout = StopTimeout;
        });
        services.WatchBroker(settings.TransportUri is { } broker ? $"{broker.Host}:{broker.Port}" : null);
        services.Configure<HostOptions>(o => o.ShutdownTimeout = Stop.Patience);
    }

    private static void AddRole(this IBusRegistrationConfigurator bus, string role, Database database, Settings settings, bool forgetful)
    {
        switch (role)
        {
            case "orchestrator": bus.AddOrchestrator(forgetful); break;
            case "orders": bus.AddOrders(database); break;
            case "inventory": bus.AddInventory(database); break;
            case "pricing": bus.AddPricing(database); break;
            case "payment": bus.AddPayment(database, services => settings.Payment.GatewayUrl ?? GatewaySimulator.AddressOf(services)); break;
            case "shipping": bus.AddShipping(database); break;
            case "notification": bus.AddNotification(database); break;
        }
    }

    // What the broker's management UI calls its connection.
    private static string NameOf(IReadOnlySet<string> roles) =>
        roles.Count == Settings.AllRoles.Count ? "ordersaga" : $"ordersaga {string.Join(", ", Settings.AllRoles.Where(roles.Contains))}";

    /// <summary>What the roles of this process show by HTTP.</summary>
    public static void MapRoles(this IEndpointRouteBuilder app, Settings settings)
    {
        if (settings.Roles.Contains("inventory"))
            app.MapInventory();
        if (settings.Roles.Contains("shipping"))
            app.MapShipping();
        if (settings.Roles.Contains("notification"))
            app.MapNotification();
    }

    private static void Configure<T>(IBusRegistrationContext context, IBusFactoryConfigurator<T> factory)
        where T : IReceiveEndpointConfigurator
    {
        factory.UseReliableMessaging(context);
        factory.ConfigureEndpoints(context);
    }
}
