using MassTransit;
using MassTransit.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OrderSaga.Contracts;
using OrderSaga.Messaging;

namespace OrderSaga.Orchestrator.Tests.Support;

/// <summary>One order on a real state machine and an in-memory bus, with participants that agree to everything but what a test says.</summary>
internal sealed class Checkout : IAsyncDisposable
{
    private readonly ServiceProvider services;
    private readonly ManualTime time = new();
    private readonly ManualScheduler scheduler;

    private Checkout()
    {
        scheduler = new ManualScheduler(time);
        services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(time)
            .AddSingleton<IOptionsMonitor<CheckoutOptions>>(new FixedOptions(Options))
            .AddMassTransitTestHarness(TextWriter.Null, bus =>
            {
                bus.DisableUsageTelemetry();
                bus.AddSagaStateMachine<OrderStateMachine, OrderState>().InMemoryRepository();
                bus.UsingInMemory((context, factory) =>
                {
                    factory.AddPrePipeSpecification(scheduler);
                    factory.UseReliableMessaging();
                    They.ListenOn(factory);
                    factory.ConfigureEndpoints(context);
                });
                bus.SetTestTimeouts(testTimeout: TimeSpan.FromSeconds(30), testInactivityTimeout: TimeSpan.FromSeconds(3));
            })
            .BuildServiceProvider(true);
        Harness = services.GetRequiredService<ITestHarness>();
    }

    /// <summary>The participants.</summary>
    public Script They { get; } = new();

    public Guid OrderId { get; } = Guid.NewGuid();

    public CheckoutOptions Options { get; } = new();

    public ITestHarness Harness { get; }

    public ISagaStateMachineTestHarness<OrderStateMachine, OrderState> Saga => Harness.GetSagaStateMachineHarness<OrderStateMachine, OrderState>();

    public OrderState Row => Saga.Sagas.Contains(OrderId)!;

    /// <summary>How long from now until each scheduled timer.</summary>
    public IEnumerable<TimeSpan> Timers => scheduler.Due.Select(due => due - time.GetUtcNow().UtcDateTime);

    public static Checkout Where(Action<Script>? participants = null, Action<CheckoutOptions>? options = null)
    {
        var checkout = new Checkout();
        participants?.Invoke(checkout.They);
        options?.Invoke(checkout.Options);
        return checkout;
    }

    public async Task<Checkout> Submitted(Func<SubmitOrder, SubmitOrder>? but = null)
    {
        await Harness.Start();
        var order = Participants.Order(OrderId);
        await Harness.Bus.Publish(but?.Invoke(order) ?? order);
        return this;
    }

    public Task Hears(object message) => Harness.Bus.Publish(message, message.GetType());

    /// <summary>Moves the clock, and with it the timers.</summary>
    public Task After(TimeSpan passed) => scheduler.AdvanceAsync(passed, Harness.Bus);

    public async Task Reaches(string state) =>
        Assert.True((await Saga.Exists(OrderId, machine => machine.GetState(state))) == OrderId, $"The order is {Saga.Sagas.Contains(OrderId)?.CurrentState ?? "not there"}, not {state}.");

    public async ValueTask DisposeAsync() => await services.DisposeAsync();
}
