using System.Diagnostics.CodeAnalysis;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>Around all that happens to a message: of one that was a dead letter it is written down that it has been handled now, or is one again.</summary>
internal sealed class ReplayEnds(IServiceProvider services) : IFilter<ReceiveContext>
{
    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        await next.Send(context).ConfigureAwait(false);
        // What it led to may carry its headers on, and has an id of its own.
        if (Replay.Of(context.TransportHeaders) is var (id, times))
            await services.GetRequiredService<DeadLetterStore>().HandledAsync(id, times, context.GetMessageId()).ConfigureAwait(false);
    }

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("replay-ends");
}
