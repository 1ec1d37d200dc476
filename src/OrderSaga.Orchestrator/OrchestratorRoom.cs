using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Outbox;

namespace OrderSaga.Orchestrator;

/// <summary>The orchestrator's place in a host.</summary>
public static class OrchestratorRoom
{
    private const string Queue = "order-state";

    /// <summary>The room's face to those who take orders in and read them: <see cref="Intake"/> and <see cref="Queries"/>.</summary>
    public static void AddOrchestratorFace(this IServiceCollection services, Database database)
    {
        services.AddSingleton<OrderChanges>();
        services.AddDatabase<OrchestratorDb>(database, options: (provider, options) => options.AddInterceptors(provider.GetRequiredService<OrderChanges>()));
        services.AddReliableMessaging<OrchestratorDb, SagaLogEntry>();
        services.AddSingleton<OrderStateMachine>();
        services.AddSingleton(provider => new Intake(
            provider.GetRequiredService<Outbox<OrchestratorDb>>(), provider.GetRequiredService<OrderStateMachine>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new Queries(
            provider.GetRequiredService<IServiceScopeFactory>(), provider.GetRequiredService<OrderChanges>(), provider.GetRequiredService<TimeProvider>()));
    }

    /// <summary>The orchestrator itself, listening on the queue order-state.</summary>
    /// <param name="bus">The bus that is set up.</param>
    /// <param name="forgetfulTransport">Messages under way die with the process: at the start everything unanswered is asked again.</param>
    public static void AddOrchestrator(this IBusRegistrationConfigurator bus, bool forgetfulTransport)
    {
        bus.AddSagaStateMachine<OrderStateMachine, OrderState>()
            .EntityFrameworkRepository<OrderState, OrchestratorDb>()
            .Endpoint(e => e.Name = Queue);
        bus.AddConsumer<TellOutcome>().Endpoint(e => e.Name = Queue);
        if (forgetfulTransport)
            bus.AddHostedService<Recovery>();
    }
}
