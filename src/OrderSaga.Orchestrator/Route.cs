using System.Collections;

namespace OrderSaga.Orchestrator;

/// <summary>One row of the table, as a decision sees it.</summary>
/// <param name="Name">The name of the step: that of its command.</param>
/// <param name="Reaches">The state that its success reaches.</param>
/// <param name="Undo">The name of the command that undoes it; none for a row past the point of no return.</param>
/// <param name="Time">How long it may take, all its asks together.</param>
internal sealed record RouteStep(string Name, string Reaches, string? Undo, TimeSpan Time)
{
    public bool PastReturn => Undo is null;
}

/// <summary>The steps of one order, in their order, fixed when it starts.</summary>
internal sealed class Route(IReadOnlyList<RouteStep> steps) : IReadOnlyList<RouteStep>
{
    public const string Apology = "SendApology";

    public int Count => steps.Count;

    public RouteStep this[int index] => steps[index];

    public int IndexOf(string step)
    {
        for (var i = 0; i < steps.Count; i++)
            if (steps[i].Name == step)
                return i;
        return -1;
    }

    /// <summary>Whether a command of that name belongs to the route.</summary>
    public bool Knows(string action) => action == Apology || steps.Any(s => s.Name == action || s.Undo == action);

    /// <summary>The command that asks for it.</summary>
    public string ActionOf(Asked asked) => asked.Direction switch
    {
        Direction.Do => steps[asked.Step].Name,
        Direction.Undo => steps[asked.Step].Undo!,
        _ => Apology,
    };

    /// <summary>The inverse of <see cref="ActionOf"/>.</summary>
    public Asked AskedBy(string action, int attempt)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            if (steps[i].Name == action)
                return new Asked(Direction.Do, i, attempt);
            if (steps[i].Undo == action)
                return new Asked(Direction.Undo, i, attempt);
        }

        return action == Apology
            ? new Asked(Direction.Apology, steps.Count, attempt)
            : throw new InvalidOperationException($"{action} is not on the route {this}.");
    }

    public IEnumerator<RouteStep> GetEnumerator() => steps.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join(' ', steps.Select(s => s.Name));
}
