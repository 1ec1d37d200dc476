using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Context;
using MassTransit.Util;

namespace OrderSaga.Messaging;

/// <summary>
/// Each try of a message answers for what it sends itself. MassTransit has the message answer for it: what one try could not send, for the
/// broker was away, would be a fault of the message when the next one has sent it and everything is well.
/// </summary>
internal sealed class EachTry : ConfigurationObserver, IMessageConfigurationObserver
{
    private EachTry(IConsumePipeConfigurator bus)
        : base(bus) => Connect(this);

    /// <summary>Of all messages; to be asked for after what tries them again.</summary>
    public static void On(IConsumePipeConfigurator bus) => _ = new EachTry(bus);

    public void MessageConfigured<TMessage>(IConsumePipeConfigurator configurator)
        where TMessage : class
        => configurator.AddPipeSpecification(new FilterPipeSpecification<ConsumeContext<TMessage>>(new Filter<TMessage>()));

    private sealed class Filter<TMessage> : IFilter<ConsumeContext<TMessage>>
        where TMessage : class
    {
        public async Task Send(ConsumeContext<TMessage> context, IPipe<ConsumeContext<TMessage>> next)
        {
            var own = new Try<TMessage>(context);
            await next.Send(own).ConfigureAwait(false);
            await own.ConsumeCompleted.ConfigureAwait(false);
        }

        [ExcludeFromCodeCoverage]
        public void Probe(ProbeContext context) => context.CreateFilterScope("each-try");
    }

    private sealed class Try<TMessage>(ConsumeContext<TMessage> context) : ConsumeContextProxy<TMessage>(context)
        where TMessage : class
    {
        private readonly PendingTaskCollection sending = new(1);

        public override Task ConsumeCompleted => sending.Completed(CancellationToken);

        public override void AddConsumeTask(Task task) => sending.Add(task);
    }
}
