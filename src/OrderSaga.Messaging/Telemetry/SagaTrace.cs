using System.Diagnostics;

namespace OrderSaga.Messaging.Telemetry;

/// <summary>One trace per saga, from what began it to its last message, whoever moves it in between; and on every span of it, whose it is.</summary>
public static class SagaTrace
{
    /// <summary>The tag, and the baggage, with the id of the saga.</summary>
    public const string SagaId = "saga.id";

    /// <summary>Our own spans.</summary>
    public static ActivitySource Source { get; } = new("OrderSaga.Messaging");

    /// <summary>The span that goes on here, to be kept with the saga; none where nothing is recorded.</summary>
    public static string? Kept => Activity.Current is { Recorded: true, IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null;

    /// <summary>Says whose saga this is: on this span, on those that led here in this process, and as baggage on what it leads to.</summary>
    public static void Mark(Guid sagaId)
    {
        if (Activity.Current is not { IsAllDataRequested: true } current)
            return;
        var id = sagaId.ToString();
        current.SetBaggage(SagaId, id);
        for (var activity = current; activity is not null; activity = activity.Parent)
            activity.SetTag(SagaId, id);
    }

    /// <summary>Goes on in the trace that a span belongs to, and links to where it comes from; none if it is the one that goes on anyway.</summary>
    public static Activity? GoOn(string name, ActivityKind kind, string? trace, string? state = null)
    {
        if (trace is null || !Source.HasListeners() || !ActivityContext.TryParse(trace, state, isRemote: true, out var parent) || Activity.Current?.TraceId == parent.TraceId)
            return null;
        return Source.StartActivity(kind, parent, links: Activity.Current is { } from ? [new(from.Context)] : null, name: name);
    }
}
