using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Logging;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Messaging;

/// <summary>
/// One trace over programs of all kinds: MassTransit writes and reads a header of its own, everybody else the W3C one. What is sent
/// carries both; what comes with the W3C one alone goes on in the sender's trace.
/// </summary>
internal sealed class TraceContext : IPipeSpecification<ConsumeContext>, IFilter<ConsumeContext>
{
    private const string Parent = "traceparent", State = "tracestate";

    public static void Write(SendContext context)
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C } activity)
            return;
        context.Headers.Set(Parent, activity.Id);
        if (activity.TraceStateString is { Length: > 0 } state)
            context.Headers.Set(State, state);
    }

    /// <summary>What is sent later than it was captured, or by somebody else, still belongs to the trace that it was captured in.</summary>
    public static Activity? GoOn(IReadOnlyDictionary<string, string> stored)
    {
        var activity = SagaTrace.GoOn("outbox send", ActivityKind.Producer, stored.GetValueOrDefault(DiagnosticHeaders.ActivityId), stored.GetValueOrDefault(State));
        if (activity is not null && Guid.TryParse(stored.GetValueOrDefault(SagaHeaders.SagaId), out var sagaId))
            SagaTrace.Mark(sagaId);
        return activity;
    }

    public IEnumerable<ValidationResult> Validate() => [];

    public void Apply(IPipeBuilder<ConsumeContext> builder) => builder.AddFilter(this);

    public async Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
    {
        using var activity = Continue(context.ReceiveContext.TransportHeaders);
        if (Activity.Current is not null && Guid.TryParse(context.Headers.Get<string>(SagaHeaders.SagaId), out var sagaId))
            SagaTrace.Mark(sagaId);
        await next.Send(context).ConfigureAwait(false);
    }

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("trace-context");

    private static Activity? Continue(Headers headers) =>
        !headers.TryGetHeader(DiagnosticHeaders.ActivityId, out _) && headers.TryGetHeader(Parent, out var value)
            && ActivityContext.TryParse(value as string, headers.Get<string>(State), isRemote: true, out var parent)
            ? SagaTrace.Source.StartActivity("continue", ActivityKind.Consumer, parent, links: Activity.Current is { } receive ? [new(receive.Context)] : null)
            : null;
}
