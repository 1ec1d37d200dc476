using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;
using OrderSaga.Messaging.Telemetry;

namespace OrderSaga.Host.Telemetry;

/// <summary>What belongs to a trace, and what of it others see.</summary>
internal static class Traces
{
    private static readonly string[] Watching = ["/health", "/alive", "/metrics"];

    /// <summary>Over HTTP a trace goes on by its ids alone: baggage, whose saga it is, stays in our own hosts, and nobody else's comes in.</summary>
    public static void KeepBaggage() => DistributedContextPropagator.Current = new IdsAlone(DistributedContextPropagator.Current);

    /// <summary>Names requests by their route, and says whose saga they are about. Who only watches the process leaves no trace.</summary>
    public static void UseTraces(this WebApplication app) => app.Use(async (http, next) =>
    {
        if (Activity.Current is not { IsAllDataRequested: true } activity)
        {
            await next(http);
            return;
        }

        if (Array.Exists(Watching, path => http.Request.Path.StartsWithSegments(path, StringComparison.Ordinal)))
        {
            activity.IsAllDataRequested = false;
            activity.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        }
        else if (http.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { } route })
        {
            activity.DisplayName = $"{http.Request.Method} {route}";
            activity.SetTag("http.route", route);
        }

        if (Guid.TryParse(http.Request.RouteValues["orderId"] as string, out var orderId))
            SagaTrace.Mark(orderId);
        activity.SetTag("http.request.method", http.Request.Method).SetTag("url.path", http.Request.Path.Value);
        await next(http);
        activity.SetTag("http.response.status_code", http.Response.StatusCode);
    });

    private sealed class IdsAlone(DistributedContextPropagator all) : DistributedContextPropagator
    {
        private const string Parent = "traceparent", State = "tracestate";

        public override IReadOnlyCollection<string> Fields { get; } = [Parent, State];

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter) => all.Inject(activity, carrier, setter is null ? null : (to, name, value) =>
        {
            if (name is Parent or State)
                setter(to, name, value);
        });

        public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) => all.ExtractTraceIdAndState(carrier, getter, out traceId, out traceState);

        public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
    }
}

/// <summary>A trace begins with a request or a message. What a process does on its own account, looking and sweeping every few seconds, is none.</summary>
internal sealed class OrdersOnly(double share) : Sampler
{
    private readonly TraceIdRatioBasedSampler some = new(share);

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        samplingParameters.Kind is ActivityKind.Server or ActivityKind.Consumer ? some.ShouldSample(samplingParameters) : new(SamplingDecision.Drop);
}

/// <summary>Says on every span whose saga it belongs to.</summary>
internal sealed class NamesSaga : BaseProcessor<Activity>
{
    public override void OnStart(Activity data)
    {
        if (data.GetBaggageItem(SagaTrace.SagaId) is { } id)
            data.SetTag(SagaTrace.SagaId, id);
    }
}
