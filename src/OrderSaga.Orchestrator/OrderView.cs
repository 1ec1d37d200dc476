using System.Text.Json.Serialization;

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
}

/// <summary>One step of the order's route.</summary>
public sealed record StepView(string Step, string Status, int Attempts, DateTimeOffset? AskedAt, DateTimeOffset? AnsweredAt, double? DurationMs, string Key);
