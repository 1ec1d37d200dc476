using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Logging;

namespace OrderSaga.Messaging;

/// <summary>
/// One trace over programs of all kinds: MassTransit writes and reads a header of its own, everybody else the W3C one. What is sent
/// carries both; what comes with the W3C one alone goes on in the sender's trace.
/// </summary>
internal sealed class TraceContext : IPipeSpecification<ConsumeContext>, IFilter<ConsumeContext>
{
    private const string Parent = "traceparent", State = "tracestate";
    private static readonly ActivitySource Source = new("OrderSaga.Messaging");

    public static void Write(SendContext context)
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C } activity)
            return;
        context.Headers.Set(Parent, activity.Id);
        if (activity.TraceStateString is { Length: > 0 } state)
            context.Headers.Set(State, state);
    }

    /// <summary>What is sent later than it was captured still belongs to the trace that it was captured in.</summary>
    public static Activity? GoOn(IReadOnlyDictionary<string, string> stored) =>
        Activity.Current is null && stored.GetValueOrDefault(DiagnosticHeaders.ActivityId) is { } id && ActivityContext.TryParse(id, stored.GetValueOrDefault(State), isRemote: true, out var parent)
            ? Source.StartActivity("outbox send", ActivityKind.Producer, parent)
            : null;

    public IEnumerable<ValidationResult> Validate() => [];

    public void Apply(IPipeBuilder<ConsumeContext> builder) => builder.AddFilter(this);

    public async Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
    {
        using var activity = Continue(context.ReceiveContext.TransportHeaders);
        await next.Send(context).ConfigureAwait(false);
    }

    [ExcludeFromCodeCoverage]
    public void Probe(ProbeContext context) => context.CreateFilterScope("trace-context");

    private static Activity? Continue(Headers headers) =>
        !headers.TryGetHeader(DiagnosticHeaders.ActivityId, out _) && headers.TryGetHeader(Parent, out var value)
            && ActivityContext.TryParse(value as string, headers.Get<string>(State), isRemote: true, out var parent)
            ? Source.StartActivity("continue", ActivityKind.Consumer, parent, links: Activity.Current is { } receive ? [new(receive.Context)] : null)
            : null;
}
