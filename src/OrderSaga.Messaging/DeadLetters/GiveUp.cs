using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using MassTransit;

namespace OrderSaga.Messaging.DeadLetters;

/// <summary>
/// The first that looks at a message. One that was delivered too often most likely ends its process, so nobody looks into it any more:
/// it is stored as it is, and only then taken from its queue.
/// </summary>
internal sealed class GiveUp(StoreDeadLetter store) : IFilter<ReceiveContext>
{
    // Counted by quorum queues: the deliveries before this one.
    private const string Deliveries = "x-delivery-count";

    public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) =>
        context.TransportHeaders.TryGetHeader(Deliveries, out var value) && Convert.ToInt32(value, CultureInfo.InvariantCulture) is var before and >= QuorumQueues.Deliveries
            ? store.GiveUpAsync(context, before)
            : next.Send(context);

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("give-up");
}
