using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.RabbitMqTransport;
using MassTransit.RabbitMqTransport.Middleware;

namespace OrderSaga.Messaging;

/// <summary>Declares on each new connection all that this process may send to, before it receives.</summary>
/// <remarks>
/// The transport would do that itself, on the channel of the bus, which waits without end where the connection closes meanwhile. Here it is
/// behind <see cref="BeginAnew"/>.
/// </remarks>
internal sealed class DeclareQueues : IFilter<ChannelContext>
{
    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        var contracts = context.ConnectionContext.Topology.PublishTopology;
        await new ConfigureRabbitMqTopologyFilter<IPublishTopology>(contracts, contracts.GetPublishBrokerTopology()).Configure(context, context.CancellationToken).ConfigureAwait(false);
        await next.Send(context).ConfigureAwait(false);
    }

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("declare-queues");
}
