using System.Diagnostics.Metrics;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using OrderSaga.Messaging;
using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Health;
using OrderSaga.Messaging.Outbox;
using OrderSaga.Messaging.Sagas;
using OrderSaga.Messaging.Scheduling;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Orchestrator;

/// <summary>The orchestrator's place in a host.</summary>
public static class OrchestratorRoom
{
    /// <summary>What the orchestrator hears.</summary>
    public static Mailbox Mailbox { get; } = new("order-state", Unhosted(new CheckoutOptions()), typeof(TellOutcome), typeof(KeepOutage));

    /// <summary>Who is told what needs a look.</summary>
    public static Mailbox Alerts { get; } = new("alerts", typeof(RaiseAlert));

    /// <summary>The room's face to those who take orders in, read them and act on them: <see cref="Intake"/>, <see cref="Queries"/> and <see cref="Operations"/>.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="database">The orchestrator's.</param>
    /// <param name="participants">Who does the steps: by their names it is told which service takes how long.</param>
    public static void AddOrchestratorFace(this IServiceCollection services, Database database, params IReadOnlyList<Mailbox> participants)
    {
        services.AddSection<CheckoutOptions>(CheckoutOptions.Section);
        services.AddMetrics();
        services.AddSingleton<OrderChanges>();
        services.AddSingleton(provider => new Transitions(provider.GetRequiredService<IMeterFactory>(), participants, provider.GetRequiredService<ILogger<Transitions>>()));
        services.AddDatabase<OrchestratorDb>(database, options: (provider, options) => options.AddInterceptors(provider.GetRequiredService<OrderChanges>(), provider.GetRequiredService<Transitions>()));
        services.AddReliableMessaging<OrchestratorDb, SagaLogEntry>();
        services.AddSingleton<OrderStateMachine>();
        services.AddSingleton(provider => new Intake(
            provider.GetRequiredService<Outbox<OrchestratorDb>>(), provider.GetRequiredService<OrderStateMachine>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new Operations(
            provider.GetRequiredService<Outbox<OrchestratorDb>>(), provider.GetRequiredService<OrderStateMachine>(), provider.GetRequiredService<DatabaseOf<OrchestratorDb>>()));
        services.AddSingleton(provider => new Queries(
            provider.GetRequiredService<IServiceScopeFactory>(), provider.GetRequiredService<OrderStateMachine>(), provider.GetRequiredService<OrderChanges>(), provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping));
        services.AddCheckOnce<RoutesCheck>("routes");
    }

    /// <summary>What is wrong with the section Checkout, with the key, its value and the remedy.</summary>
    public static IEnumerable<(string Key, string? Value, string Remedy)> Check(IConfiguration configuration) => Section.Check<CheckoutOptions>(
        configuration, CheckoutOptions.Section, "times look like 00:01:00, Asks is a number, switches are true or false.", options =>
        {
            var machine = Unhosted(options);
            return options.Check([.. machine.WholeRoute.Select(s => s.Name)], machine.OptionalSteps);
        });

    /// <summary>The machine on its own, for looking at its table.</summary>
    internal static OrderStateMachine Unhosted(CheckoutOptions options) => new(new Fixed(options), TimeProvider.System, NullLogger<OrderStateMachine>.Instance);

    private sealed class Fixed(CheckoutOptions options) : IOptionsMonitor<CheckoutOptions>
    {
        public CheckoutOptions CurrentValue => options;

        public CheckoutOptions Get(string? name) => options;

        public IDisposable? OnChange(Action<CheckoutOptions, string?> listener) => null;
    }

    /// <summary>The orchestrator itself, listening on the queue order-state.</summary>
    /// <param name="bus">The bus that is set up.</param>
    /// <param name="forgetfulTransport">Messages under way die with the process: at the start everything unanswered is asked again.</param>
    public static void AddOrchestrator(this IBusRegistrationConfigurator bus, bool forgetfulTransport)
    {
        bus.AddSagaStateMachine<OrderStateMachine, OrderState>()
            .EntityFrameworkRepository<OrderState, OrchestratorDb>()
            .Endpoint(e => e.Name = Mailbox.Name);
        bus.AddScoped<IRepeat<OrchestratorDb>, RepeatAsked>();
        bus.AddSingleton<IBringBack<OrderState, OrchestratorDb>, Archive>();
        Mailbox.AddConsumers(bus);
        Alerts.AddConsumers(bus);
        bus.AddAlerts();
        bus.AddHearing<OrchestratorDb>(Mailbox.Name, overBroker: !forgetfulTransport);
        bus.AddSingleton<Deadlines>();
        bus.AddSingleton<SweepPulse>();
        bus.AddCheckOnce<SweepCheck>("sweep");
        bus.AddSingleton<IActOnTimeout<OrderState>>(provider => provider.GetRequiredService<Deadlines>());
        bus.AddQuartzTimeouts<OrchestratorDb, OrderState>(mayBeDue: until => order => order.NotDueBefore <= until);
        bus.AddHostedService<Retention>();
        bus.AddLook<OrderFigures>();
        bus.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<Sweep>(provider, forgetfulTransport));
    }
}
