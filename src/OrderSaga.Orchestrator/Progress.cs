using System.Collections.Immutable;

namespace OrderSaga.Orchestrator;

/// <summary>How one step of an order stands.</summary>
internal enum StepStatus
{
    Waiting,
    Asked,
    Done,
    Refused,
    Undoing,
    Undone,
}

/// <summary>What is asked for: a step's do, its undo, or the apology that ends a mirror.</summary>
internal enum Direction
{
    Do,
    Undo,
    Apology,
}

/// <summary>The one thing that an order waits for. <paramref name="Step"/> counts within the route; for the apology it is the route's length.</summary>
internal readonly record struct Asked(Direction Direction, int Step, int Attempt);

/// <summary>Where an order stands: all of its row that a decision looks at, and all that a decision may change.</summary>
internal sealed record Progress(string State, ImmutableArray<StepStatus> Steps, Asked? Asked = null, string? Reason = null)
{
    public static Progress New(Route route) => new(StateNames.Initial, [.. route.Select(_ => StepStatus.Waiting)]);

    public bool IsAsked(Direction direction, int step) => Asked is { } asked && asked.Direction == direction && asked.Step == step;

    public Progress With(int step, StepStatus status) => this with { Steps = Steps.SetItem(step, status) };
}

/// <summary>The states that do not come from the table.</summary>
internal static class StateNames
{
    public const string Initial = "Initial";
    public const string Pending = "Pending";
    public const string Complete = "Complete";
    public const string Compensating = "Compensating";
    public const string Compensated = "Compensated";
    public const string Failed = "Failed";

    public static bool IsEnd(string state) => state is Complete or Compensated or Failed;
}
