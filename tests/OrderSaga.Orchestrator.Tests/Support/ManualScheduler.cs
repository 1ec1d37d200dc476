using MassTransit;
using MassTransit.Configuration;
using MassTransit.Context;
using MassTransit.Scheduling;
using Microsoft.Extensions.Options;

namespace OrderSaga.Orchestrator.Tests.Support;

/// <summary>A message scheduler whose messages go when the manual clock has passed their time.</summary>
internal sealed class ManualScheduler(ManualTime time) : IPipeSpecification<ConsumeContext>, IFilter<ConsumeContext>, IScheduleMessageProvider
{
    private readonly List<(Guid Token, DateTime Due, Func<ISendEndpointProvider, Task> Send)> scheduled = [];

    /// <summary>When the scheduled messages are due.</summary>
    public IReadOnlyList<DateTime> Due
    {
        get
        {
            lock (scheduled)
                return [.. scheduled.Select(s => s.Due).Order()];
        }
    }

    /// <summary>Moves the clock and sends what has become due.</summary>
    public async Task AdvanceAsync(TimeSpan by, ISendEndpointProvider endpoints)
    {
        time.Advance(by);
        List<Func<ISendEndpointProvider, Task>> due;
        lock (scheduled)
        {
            due = [.. scheduled.Where(s => s.Due <= time.GetUtcNow().UtcDateTime).OrderBy(s => s.Due).Select(s => s.Send)];
            scheduled.RemoveAll(s => s.Due <= time.GetUtcNow().UtcDateTime);
        }

        foreach (var send in due)
            await send(endpoints);
    }

    public IEnumerable<ValidationResult> Validate() => [];

    public void Apply(IPipeBuilder<ConsumeContext> builder) => builder.AddFilter(this);

    public void Probe(ProbeContext context) => context.CreateFilterScope("manual-scheduler");

    public Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
    {
        context.GetOrAddPayload<MessageSchedulerContext>(() => new ConsumeMessageSchedulerContext(context, c => new MessageScheduler(this, c.GetPayload<IBusTopology>())));
        return next.Send(context);
    }

    public Task<ScheduledMessage<T>> ScheduleSend<T>(Uri destinationAddress, DateTime scheduledTime, T message, IPipe<SendContext<T>> pipe, CancellationToken cancellationToken)
        where T : class
    {
        var token = NewId.NextGuid();
        lock (scheduled)
            scheduled.Add((token, scheduledTime, async endpoints =>
            {
                var endpoint = await endpoints.GetSendEndpoint(destinationAddress);
                await endpoint.Send(message, context => context.Headers.Set(MessageHeaders.SchedulingTokenId, token.ToString()));
            }));
        return Task.FromResult<ScheduledMessage<T>>(new ScheduledMessageHandle<T>(token, scheduledTime, destinationAddress, message));
    }

    public Task CancelScheduledSend(Guid tokenId, CancellationToken cancellationToken)
    {
        lock (scheduled)
            scheduled.RemoveAll(s => s.Token == tokenId);
        return Task.CompletedTask;
    }

    public Task CancelScheduledSend(Uri destinationAddress, Guid tokenId, CancellationToken cancellationToken) => CancelScheduledSend(tokenId, cancellationToken);
}

/// <summary>Options that stay as a test sets them.</summary>
internal sealed class FixedOptions(CheckoutOptions options) : IOptionsMonitor<CheckoutOptions>
{
    public CheckoutOptions CurrentValue => options;

    public CheckoutOptions Get(string? name) => options;

    public IDisposable? OnChange(Action<CheckoutOptions, string?> listener) => null;
}
