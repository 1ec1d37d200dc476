using System.Collections.Concurrent;
using MassTransit;
using MassTransit.Testing;
using Microsoft.Extensions.DependencyInjection;
using OrderSaga.Messaging;

namespace OrderSaga.Orchestrator.Tests.Support;

/// <summary>One order on a real state machine and an in-memory bus, with participants that agree to everything but what a test says.</summary>
internal sealed class Checkout : IAsyncDisposable
{
    private readonly ServiceProvider services;
    private readonly ConcurrentQueue<string> asked = [];
    private readonly Dictionary<string, string> refusals = [];

    private Checkout()
    {
        services = new ServiceCollection()
            .AddSingleton(TimeProvider.System)
            .AddMassTransitTestHarness(TextWriter.Null, bus =>
            {
                bus.DisableUsageTelemetry();
                bus.AddSagaStateMachine<OrderStateMachine, OrderState>().InMemoryRepository();
                bus.UsingInMemory((context, factory) =>
                {
                    factory.UseReliableMessaging();
                    factory.ReceiveEndpoint("participants", endpoint =>
                    {
                        foreach (var command in Participants.Agree.Keys)
                            GetType().GetMethod(nameof(Listen), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Instance)!
                                .MakeGenericMethod(command).Invoke(this, [endpoint]);
                        endpoint.ConcurrentMessageLimit = 1;
                    });
                    factory.ConfigureEndpoints(context);
                });
                bus.SetTestTimeouts(testTimeout: TimeSpan.FromSeconds(30), testInactivityTimeout: TimeSpan.FromMilliseconds(300));
            })
            .BuildServiceProvider(true);
        Harness = services.GetRequiredService<ITestHarness>();
    }

    public Guid OrderId { get; } = Guid.NewGuid();

    public ITestHarness Harness { get; }

    public ISagaStateMachineTestHarness<OrderStateMachine, OrderState> Saga => Harness.GetSagaStateMachineHarness<OrderStateMachine, OrderState>();

    public OrderState Row => Saga.Sagas.Contains(OrderId)!;

    public static Checkout Where(Action<Checkout>? participants = null)
    {
        var checkout = new Checkout();
        participants?.Invoke(checkout);
        return checkout;
    }

    public void Refuses(string step, string reason) => refusals.Add(step, reason);

    public async Task<Checkout> Submitted()
    {
        await Harness.Start();
        await Harness.Bus.Publish(Participants.Order(OrderId));
        return this;
    }

    public async Task Reaches(string state) =>
        Assert.True((await Saga.Exists(OrderId, machine => machine.GetState(state))) == OrderId, $"The order is {Saga.Sagas.Contains(OrderId)?.CurrentState ?? "not there"}, not {state}.");

    /// <summary>The commands that were asked, in their order.</summary>
    public void Asked(string commands) => Assert.Equal(commands, string.Join(' ', asked));

    public async ValueTask DisposeAsync() => await services.DisposeAsync();

    private void Listen<T>(IReceiveEndpointConfigurator endpoint)
        where T : class
        => endpoint.Handler<T>(context =>
        {
            var name = typeof(T).Name;
            asked.Enqueue(name);
            var id = SagaMessage<T>.SagaId(context.Message);
            var answer = refusals.TryGetValue(name, out var reason) ? Participants.Refuse[name](id, reason) : Participants.Agree[typeof(T)](id);
            return context.Publish(answer, answer.GetType());
        });
}
