using System.Collections;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace OrderSaga.Orchestrator;

/// <summary>One transition of an order as the log tells it: a sentence for people, and its parts by name for programs.</summary>
internal sealed class Transition : IReadOnlyList<KeyValuePair<string, object?>>
{
    private const string Template = "Order {OrderId} in state {Was}, {Waited}, {Why}: {Says}, now {Waits}";
    private SagaLogEntry entry = null!;

    /// <summary>Where the order stood.</summary>
    public required Stand Was { get; init; }

    /// <summary>Where it stands by this.</summary>
    public required Stand Is { get; init; }

    /// <summary>How long an answer took, from the first ask on.</summary>
    public TimeSpan? Took { get; init; }

    /// <summary>How the order came to rest, and how long it took.</summary>
    public (string Ending, TimeSpan Took)? Ended { get; init; }

    /// <summary>What somebody should look at.</summary>
    public string? Alert { get; init; }

    /// <summary>What brought it about, where that was no message.</summary>
    public string? Why { get; set; }

    public int Count => 13;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("OrderId", entry.OrderId),
        1 => new("Seq", entry.Seq),
        2 => new("Says", entry.Status),
        3 => new("Step", entry.Step),
        4 => new("Direction", entry.Direction),
        5 => new("Attempt", entry.Attempt),
        6 => new("TookMs", Took?.TotalMilliseconds),
        7 => new("State", Is.State),
        8 => new("Asks", entry.Asks),
        9 => new("Error", entry.Error),
        10 => new("Actor", entry.Actor),
        11 => new("Alert", Alert),
        12 => new("{OriginalFormat}", Template),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    /// <summary>Writes the line of a committed entry.</summary>
    public void Write(ILogger log, SagaLogEntry committed)
    {
        entry = committed;
        var (id, level) = Kinds[committed.Status];
        log.Log(Alert is null ? level : LogLevel.Error, id, this, exception: null, static (line, _) => line.ToString());
    }

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => Enumerable.Range(0, Count).Select(i => this[i]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString()
    {
        var why = Why ?? (entry.Actor is { } actor ? $"by {actor}" : Took is { } took ? string.Create(CultureInfo.InvariantCulture, $"after {took.TotalMilliseconds:0} ms") : null);
        return $"Order {entry.OrderId} in state {Was.State}, {Was}{(why is null ? "" : $", {why}")}: {entry.Status}, now {Is} in state {Is.State}"
            + $"{(entry.Error is null ? "" : $": {entry.Error}")}{(Alert is null ? "" : $"; it needs a look: {Alert}")}";
    }

    /// <summary>What an order waits for, and where.</summary>
    public readonly record struct Stand(string State, string? Phase, string? Asked, int Attempt)
    {
        public static Stand Of(CompensatingState saga) => new(saga.CurrentState, saga.Phase, saga.Asked, saga.Attempt);

        public override string ToString() => Asked is null ? "at rest" : $"{Phase} {Asked} (attempt {Attempt})";
    }

    /// <summary>Ids and names of the lines, by what the log says: others filter and count by them, so none is ever given to something else.</summary>
    public static IReadOnlyDictionary<string, (EventId Id, LogLevel Level)> Kinds { get; } = new Dictionary<string, (EventId, LogLevel)>
    {
        [Said.Submitted] = (new(1001, "Submitted"), LogLevel.Information),
        [Said.Done] = (new(1002, "Done"), LogLevel.Information),
        [Said.Refused] = (new(1003, "Refused"), LogLevel.Information),
        [Said.Silent] = (new(1004, "Silent"), LogLevel.Warning),
        [Said.Faulted] = (new(1005, "Faulted"), LogLevel.Warning),
        [Said.Undone] = (new(1006, "Undone"), LogLevel.Information),
        [Said.TooLate] = (new(1007, "TooLate"), LogLevel.Information),
        [Said.Apologised] = (new(1008, "Apologised"), LogLevel.Information),
        [Said.AskedAgain] = (new(1009, "AskedAgain"), LogLevel.Information),
        [Said.Unheard] = (new(1010, "Unheard"), LogLevel.Information),
        [Said.Stuck] = (new(1011, "Stuck"), LogLevel.Error),
        [Said.OutOfTime] = (new(1012, "OutOfTime"), LogLevel.Warning),
        [Said.StillAtWork] = (new(1013, "StillAtWork"), LogLevel.Information),
        [Said.Cancelled] = (new(1014, "Cancelled"), LogLevel.Information),
        [Said.Paused] = (new(1015, "Paused"), LogLevel.Information),
        [Said.Resumed] = (new(1016, "Resumed"), LogLevel.Information),
        [Said.Retried] = (new(1017, "Retried"), LogLevel.Information),
        [Said.Resolved] = (new(1018, "Resolved"), LogLevel.Information),
        [Said.Rearmed] = (new(1019, "Rearmed"), LogLevel.Error),
        [Said.Late] = (new(1020, "Late"), LogLevel.Warning),
        [Said.Ignored] = (new(1021, "Ignored"), LogLevel.Information),
        [Said.Denied] = (new(1022, "Denied"), LogLevel.Information),
    };

    /// <summary>Orders have become slow, and none is any more.</summary>
    public static EventId Slow { get; } = new(1101, "OrdersAreSlow");

    /// <inheritdoc cref="Slow"/>
    public static EventId NoLongerSlow { get; } = new(1102, "OrdersAreSlowNoMore");
}
