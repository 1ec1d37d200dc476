using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Configuration;

namespace OrderSaga.Messaging;

/// <summary>
/// Plain JSON beside MassTransit's envelope, so that a service in any language can take part. It has to name its contract in the header
/// MT-MessageType: without it MassTransit would offer the body to every consumer of the queue, and a reservation would also be a release.
/// </summary>
internal sealed class RawJson : IPipeSpecification<ConsumeContext>, IFilter<ConsumeContext>
{
    public IEnumerable<ValidationResult> Validate() => [];

    public void Apply(IPipeBuilder<ConsumeContext> builder) => builder.AddFilter(this);

    public Task Send(ConsumeContext context, IPipe<ConsumeContext> next) => context.SupportedMessageTypes.Any()
        ? next.Send(context)
        : throw new ArgumentException($"A message on {context.ReceiveContext.InputAddress.AbsolutePath} names no contract: set the header {MessageHeaders.MessageType} to urn:message:<namespace>:<name>.");

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("raw-json");
}
