using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>One try of a step or an undo, from asked to whatever ended it: ok, back (undone), bad (it failed), wait (nobody answered), now.</summary>
internal sealed record Try(DateTimeOffset From, DateTimeOffset To, string Kind);

/// <summary>A step of an order's route as the log tells it: there, and if need be back.</summary>
/// <param name="Name">The step.</param>
/// <param name="Row">Its row of the table; none if this version does not have it any more.</param>
/// <param name="There">waiting, asked, done, refused, silent or faulted.</param>
/// <param name="Back">How its undo stands: undoing, undone, stuck, waiting (to come), skipped (nothing to undo), or none, while nothing turned back.</param>
/// <param name="Tries">Of the step.</param>
/// <param name="Undos">Of its undo.</param>
internal sealed record StoryStep(string Name, TableStep? Row, string There, string? Back, IReadOnlyList<Try> Tries, IReadOnlyList<Try> Undos);

/// <summary>
/// What happened to an order, put together from its log: which step took how long in how many tries, where it turned back, which undos
/// followed. It decides nothing, and tells what it does not know as it stands there.
/// </summary>
internal sealed class Story
{
    private const string Apology = "SendApology";
    private readonly Dictionary<string, List<Try>> tries = [];
    private readonly Dictionary<string, DateTimeOffset> open = [];
    private readonly Dictionary<string, string> there = [];
    private readonly Dictionary<string, TableStep> undoOf;

    public Story(OrderFile order, IReadOnlyList<TableStep> table, DateTimeOffset now)
    {
        Order = order;
        Now = now;
        undoOf = table.Where(s => s.Undo is not null).ToDictionary(s => s.Undo!);
        var rows = table.ToDictionary(s => s.Name);
        foreach (var line in order.Log)
            Hear(line, rows);
        foreach (var (action, from) in open)
            Add(action, from, order.WaitsFor == action ? now : order.EndedAt ?? order.UpdatedAt, order.WaitsFor == action ? "now" : "wait");
        Steps = [.. order.Steps.Where(s => s.Status != "skipped").Select(s => Of(s, rows.GetValueOrDefault(s.Step)))];
        ApologyTries = tries.GetValueOrDefault(Apology) ?? [];
    }

    public OrderFile Order { get; }

    public DateTimeOffset Now { get; }

    public IReadOnlyList<StoryStep> Steps { get; }

    public IReadOnlyList<Try> ApologyTries { get; }

    /// <summary>When it turned back; none if it did not, or went forward again.</summary>
    public DateTimeOffset? TurnedAt { get; private set; }

    /// <summary>The step at which it did.</summary>
    public string? TurnedOn { get; private set; }

    /// <summary>Why, in the log's word: refused, silent, faulted, cancelled or out of time.</summary>
    public string? TurnedBy { get; private set; }

    /// <summary>The end of what there is to draw.</summary>
    public DateTimeOffset Until => Order.EndedAt is null ? Now : tries.Values.SelectMany(t => t).Select(t => t.To).Append(Order.EndedAt.Value).Max();

    /// <summary>12 ms; 63 s, 6 tries.</summary>
    public static string Took(IReadOnlyList<Try> tries) => tries.Count == 0 ? ""
        : $"{Words.Took(tries[^1].To - tries[0].From)}{(tries.Count > 1 ? $", {tries.Count} tries" : "")}";

    private void Hear(LogLine line, Dictionary<string, TableStep> rows)
    {
        var action = line.Direction == "undo" && line.Step is { } undone ? rows.GetValueOrDefault(undone)?.Undo : line.Step;
        if (action is not null && Ended(line) is { } kind && open.Remove(action, out var from))
            Add(action, from, line.At, kind);
        if (line is { Direction: "do", Step: { } step, Status: "done" or "refused" or "silent" or "faulted" })
            there[step] = line.Status;
        var asksBack = line.Asks is { } asked && (undoOf.ContainsKey(asked) || asked == Apology);
        if (asksBack && TurnedAt is null)
            (TurnedAt, TurnedBy, TurnedOn) = (line.At, line.Status, line.Direction == "do" ? line.Step : open.Keys.LastOrDefault() ?? (undoOf.TryGetValue(line.Asks!, out var row) ? row.Name : null));
        else if (line.Status == "too late" && line.Asks is not null && !asksBack)
            (TurnedAt, TurnedBy, TurnedOn) = (null, null, null);
        if (line.Asks is not { } next)
            return;
        // Whatever is still open was given up; there is one ask at a time.
        foreach (var (left, since) in open.ToList())
            Add(left, since, line.At, "wait");
        open.Clear();
        open[next] = line.At;
        if (rows.ContainsKey(next))
            there.TryAdd(next, "asked");
    }

    private static string? Ended(LogLine line) => line.Status switch
    {
        "done" => "ok",
        "undone" or "apologised" => "back",
        "refused" or "faulted" or "too late" => "bad",
        "stuck" => line.Error == "no answer" ? "wait" : "bad",
        "silent" or "asked again" or "unheard" or "out of time" => "wait",
        _ => null,
    };

    private void Add(string action, DateTimeOffset from, DateTimeOffset to, string kind) => (tries.TryGetValue(action, out var all) ? all : tries[action] = []).Add(new(from, to, kind));

    private StoryStep Of(StepView step, TableStep? row)
    {
        var went = there.GetValueOrDefault(step.Step, "waiting");
        var undos = row?.Undo is { } undo && tries.TryGetValue(undo, out var found) ? found : [];
        var back = TurnedAt is null || row?.Undo is null ? null
            : step.Status is "undoing" or "undone" or "stuck" ? step.Status
            : went is "refused" or "waiting" ? "skipped" : "waiting";
        return new(step.Step, row, went, back, tries.GetValueOrDefault(step.Step) ?? [], undos);
    }
}
