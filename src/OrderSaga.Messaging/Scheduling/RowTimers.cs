using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Context;
using MassTransit.Scheduling;

namespace OrderSaga.Messaging.Scheduling;

/// <summary>
/// A saga's Schedule and Unschedule, where its row is the timer (<see cref="IRowTimer"/>): what is set is written with the row, and handed
/// to Quartz shortly before it is due, if nothing has overtaken it by then. There is nothing to store, to send, or to take back here.
/// </summary>
internal sealed class RowTimers : IPipeSpecification<ConsumeContext>, IFilter<ConsumeContext>, IScheduleMessageProvider
{
    public IEnumerable<ValidationResult> Validate() => [];

    public void Apply(IPipeBuilder<ConsumeContext> builder) => builder.AddFilter(this);

    public Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
    {
        context.GetOrAddPayload<MessageSchedulerContext>(() => new ConsumeMessageSchedulerContext(
            context, c => new MessageScheduler(this, c.GetPayload<IBusTopology>())));
        return next.Send(context);
    }

    public Task<ScheduledMessage<T>> ScheduleSend<T>(Uri destinationAddress, DateTime scheduledTime, T message, IPipe<SendContext<T>> pipe, CancellationToken cancellationToken)
        where T : class
        => Task.FromResult<ScheduledMessage<T>>(new ScheduledMessageHandle<T>(Guid.Empty, scheduledTime, destinationAddress, message));

    public Task CancelScheduledSend(Guid tokenId, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task CancelScheduledSend(Uri destinationAddress, Guid tokenId, CancellationToken cancellationToken) => Task.CompletedTask;

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("row-timers");
}
