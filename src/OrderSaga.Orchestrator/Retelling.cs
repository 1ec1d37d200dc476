namespace OrderSaga.Orchestrator;

/// <summary>
/// How an order looked when its log had come to an entry, told from the log's own words. It decides nothing: what was decided by another
/// version, or under other settings, is told as it was. Of how the order stands now its row speaks.
/// </summary>
/// <param name="route">The order's own.</param>
/// <param name="lastReason">The reason that its row has now.</param>
internal sealed class Retelling(Route route, string? lastReason)
{
    private readonly StepStatus[] marks = new StepStatus[route.Count];
    private long seen;
    private bool told, paused;

    public string State { get; private set; } = StateNames.Initial;

    public string? Reason { get; private set; }

    public DateTimeOffset? EndedAt { get; private set; }

    public IEnumerable<string> Marks => marks.Select(CompensatingState.Word);

    /// <summary>Goes on to the next entry of the log.</summary>
    public void Hear(SagaLogEntry entry)
    {
        var i = entry.Step is null ? -1 : route.IndexOf(entry.Step);
        var turns = entry.Direction == CompensatingState.Word(Direction.Do) && i >= 0 && !route[i].PastReturn;
        switch (entry.Status)
        {
            case Said.Submitted: State = StateNames.Pending; break;
            case Said.Done: Forward(i, StepStatus.Done); break;
            case Said.TooLate: Forward(i, StepStatus.Done); Reason = null; break;
            case Said.Refused when !turns: Forward(i, StepStatus.Refused); break;
            case Said.Refused: Turn(i, StepStatus.Refused, Code(entry.Error)); break;
            case Said.Silent when turns: Turn(i, StepStatus.Silent, Decider.StepSilent); break;
            case Said.Faulted when turns: Turn(i, StepStatus.Faulted, Decider.StepFaulted); break;
            case Said.OutOfTime: Turn(reason: Decider.SagaOutOfTime); break;
            case Said.Cancelled when !paused: Turn(reason: entry.Error); break;
            case Said.Paused: paused = true; break;
            case Said.Resumed: paused = false; if (entry.Error is { } cancelled) Turn(reason: cancelled); break;
            case Said.Undone or Said.Resolved: marks[i] = StepStatus.Undone; break;
            case Said.Stuck: marks[i] = StepStatus.Stuck; break;
            case Said.Retried: marks[i] = (seen & (1L << i)) != 0 ? StepStatus.Done : StepStatus.Silent; break;
            case Said.Rearmed: Mark(i, StepStatus.Done); break;
            case Said.Late: seen |= 1L << i; break;
            case Said.Apologised: told = true; break;
        }

        if (entry.Asks is not null && route.AskedBy(entry.Asks, 0) is { Step: var next, Direction: not Direction.Apology and var direction })
            marks[next] = direction == Direction.Do ? StepStatus.Asked : StepStatus.Undoing;
        // The mirror has ended when nothing is left to undo and the customer was told.
        if (told && entry.Status is Said.Undone or Said.Apologised or Said.Stuck or Said.Resolved && !Array.Exists(marks, IsOpen))
            State = marks.Contains(StepStatus.Stuck) ? StateNames.Failed : StateNames.Compensated;
        EndedAt = StateNames.IsEnd(State) ? EndedAt ?? entry.At : null;
    }

    private static bool IsOpen(StepStatus mark) => mark is StepStatus.Done or StepStatus.Asked or StepStatus.Silent or StepStatus.Faulted or StepStatus.Undoing;

    private void Forward(int i, StepStatus mark)
    {
        Mark(i, mark);
        State = i + 1 == route.Count ? StateNames.Complete : route[i].PastReturn ? State : route[i].Reaches;
    }

    private void Turn(int i = -1, StepStatus mark = default, string? reason = null)
    {
        if (i >= 0)
            Mark(i, mark);
        (State, Reason) = (StateNames.Compensating, reason);
    }

    private void Mark(int i, StepStatus mark)
    {
        marks[i] = mark;
        if (mark == StepStatus.Done)
            seen |= 1L << i;
    }

    // The log has the code and what else was said about it.
    private string? Code(string? error) =>
        error is not null && lastReason is not null && (error == lastReason || error.StartsWith($"{lastReason}: ", StringComparison.Ordinal)) ? lastReason : error?.Split(": ")[0];
}
