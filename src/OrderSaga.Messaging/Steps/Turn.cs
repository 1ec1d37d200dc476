using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

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

    public static Turn Of<T>(ConsumeContext<T> context)
        where T : class
    {
        var orderId = SagaMessage<T>.SagaId(context.Message);
        var delivery = context.ReceiveContext.GetOrAddPayload(() => new Delivery(Guid.NewGuid()));
        return new(orderId, typeof(T).Name, context.GetOriginalMessageId() ?? orderId, delivery.Id, context.GetPayload<IServiceProvider>(), context, context.CancellationToken);
    }

    public ILogger Log(Type step) => Services.GetRequiredService<ILoggerFactory>().CreateLogger(step);

    private sealed record Delivery(Guid Id);
}
