using System.Text.Json.Serialization;
using OrderSaga.Messaging;

namespace OrderSaga.Orchestrator;

/// <summary>An order as everyone may read it.</summary>
public sealed record OrderView(
    Guid OrderId,
    string Status,
    string State,
    string? Reason,
    decimal? Total,
    string Currency,
    DateTimeOffset StartedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? EndedAt,
    IReadOnlyList<StepView> Steps,
    [property: JsonIgnore] int Version)
{
    /// <summary>True when nothing will change any more by itself.</summary>
    public bool AtRest() => EndedAt is not null;

    /// <summary>An order with its log so far.</summary>
    internal static OrderView Of(OrderStateMachine machine, OrderState order, IReadOnlyCollection<SagaLogEntry> log, string? steps = null)
    {
        var route = order.Route.Split(' ');
        var marks = (steps ?? order.Steps).Split(' ');
        return new(
            order.OrderId,
            order.Status,
            order.CurrentState,
            order.Reason,
            order.Total,
            order.Currency,
            order.StartedAt,
            order.UpdatedAt,
            order.EndedAt,
            [.. machine.Around(route).Select(step => Step(order.OrderId, step, Array.IndexOf(route, step) is >= 0 and var i ? Mark(marks[i]) : "skipped", log))],
            order.Version);
    }

    // That there was nothing to undo matters to decisions, not to who reads the order.
    private static string Mark(string mark) => mark == CompensatingState.Word(StepStatus.Nothing) ? CompensatingState.Word(StepStatus.Undone) : mark;

    private static StepView Step(Guid orderId, string step, string status, IReadOnlyCollection<SagaLogEntry> log)
    {
        var asks = log.Where(e => e.Asks == step).ToList();
        var answered = log.FirstOrDefault(e => e.Step == step && e.Direction == "do" && e.Status is Said.Done or Said.Refused);
        var asked = asks.FirstOrDefault()?.At;
        return new StepView(step, status, asks.Count, asked, answered?.At, (answered?.At - asked)?.TotalMilliseconds, SagaHeaders.KeyOf(orderId, step));
    }
}

/// <summary>One step of the order's route.</summary>
public sealed record StepView(string Step, string Status, int Attempts, DateTimeOffset? AskedAt, DateTimeOffset? AnsweredAt, double? DurationMs, string Key);
