using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrderSaga.Messaging.Groups;

namespace OrderSaga.Messaging.Steps;

/// <summary>One turn at a step: a message that was delivered, or a look after what an earlier turn left behind.</summary>
/// <param name="OrderId">Whose step it is.</param>
/// <param name="Action">Do or undo, by the name of the command.</param>
/// <param name="Command">The ask that is answered.</param>
/// <param name="Owner">Who holds what this turn holds: the same in every try of one delivery, somebody else in its redelivery.</param>
/// <param name="Services">Of the scope.</param>
/// <param name="Bus">Where the answer goes.</param>
/// <param name="Ct">Ends it.</param>
internal sealed record Turn(Guid OrderId, string Action, Guid Command, Guid Owner, IServiceProvider Services, IPublishEndpoint Bus, CancellationToken Ct)
{
    public TimeProvider Time { get; } = Services.GetRequiredService<TimeProvider>();

    public DateTimeOffset Now => Time.GetUtcNow();

    /// <summary>What is to go wrong with it, on purpose.</summary>
    public PlannedFault? Fault { get; init; }

    /// <summary>Whether its commits may be shared with those of other orders.</summary>
    public bool MayShare { get; init; } = true;

    /// <summary>What is to go wrong with what the step calls outside, as it came.</summary>
    public string? FaultsOutside { get; private init; }

    /// <summary>A turn at a step, which goes by the name of its command.</summary>
    public static Turn Of<T>(ConsumeContext<T> context, string step)
        where T : class
    {
        var orderId = SagaMessage<T>.SagaId(context.Message);
        var delivery = context.ReceiveContext.GetOrAddPayload(() => new Delivery(Guid.NewGuid()));
        var services = context.GetPayload<IServiceProvider>();
        var faults = services.GetService<FaultPlans>() is { Honoured: true } ? PlannedFault.Read(context.Headers.Get<string>(PlannedFault.Header)) : [];
        return new(orderId, typeof(T).Name, context.GetOriginalMessageId() ?? orderId, delivery.Id, services, context, context.CancellationToken)
        {
            MayShare = context.MayShare(),
            Fault = FaultyTurn.Of(faults, step, typeof(T).Name != step, context.ReceiveContext.Redelivered),
            FaultsOutside = PlannedFault.Write([.. faults.Where(f => f.Step == PlannedFault.Gateway)]),
        };
    }

    public ILogger Log(Type step) => Services.GetRequiredService<ILoggerFactory>().CreateLogger(step);

    private sealed record Delivery(Guid Id);
}
