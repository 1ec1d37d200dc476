namespace OrderSaga.Web.Pages;

/// <summary>One order on the saga's drawing: what is passed, what is lit, what is to come, what cannot come any more.</summary>
internal static class OrderPicture
{
    public static Drawing Of(Story story)
    {
        var (order, turned) = (story.Order, story.TurnedAt is not null);
        var steps = story.Steps;
        var last = turned ? -1 : steps.ToList().FindLastIndex(s => s.There is "done" or "refused");
        var moving = order.EndedAt is null;
        var undoing = steps.ToList().FindIndex(s => s.Back == "undoing");
        var drawn = steps.Select((step, i) => Step(story, step, i, last, undoing)).ToList();
        return new(Says(story), new("Pending", new("ok", "done", Lit: moving && !turned && last < 0)), drawn,
            End("Compensated", "off", "undone", order.State, moving), End("Failed", "bad", "stuck", order.State, moving));
    }

    private static DrawnState End(string name, string tone, string shape, string state, bool mayCome) =>
        state == name ? new(name, new(tone, shape, Lit: true)) : new(name, new("off", mayCome ? "waiting" : "skipped"), Dim: true);

    private static DrawnStep Step(Story story, StoryStep step, int i, int last, int undoing)
    {
        var turned = story.TurnedAt is not null;
        var reached = step.There == "done" || (step.Row is { Undo: null } && step.There == "refused");
        var here = !turned && i == last && story.Order.EndedAt is null;
        var name = i == story.Steps.Count - 1 ? "Complete" : step.Row?.Reaches ?? step.Name;
        var after = reached ? new DrawnState(name, new("ok", "done", Lit: here || (name == "Complete" && story.Order.State == name)))
            : new DrawnState(name, new("off", turned ? "skipped" : "waiting"), turned ? "not reached" : null, Dim: true);
        var turns = turned && step.Name == story.TurnedOn && step.There != "done";
        var note = step.There switch { "waiting" => turned ? "not asked" : "", "done" => Story.Took(step.Tries), "asked" when turns => $"{story.TurnedBy}, {Story.Took(step.Tries)}", var how => $"{how}, {Story.Took(step.Tries)}" };
        var tone = step.There switch { "silent" => "warn", "refused" or "faulted" => "bad", "asked" when turns => "warn", _ => "" };
        var line = reached ? "done" : step.There == "asked" && !turned ? "now" : turned ? "not" : "come";
        var (undoNote, undoTone) = UndoNote(story, step, i, undoing);
        return new(step.Name, note, tone, line, after, step.Row?.Undo, Mark(story, step), undoNote, undoTone, Back(story, i),
            turns ? new(Icon.OfStep(step.There == "asked" ? "silent" : step.There).Tone, step.There == "asked" ? "silent" : step.There) : null, UndoDim: step.Back is null or "waiting" or "skipped");
    }

    private static DrawnMark? Mark(Story story, StoryStep step) => step.Row?.Undo is null ? null
        : step.Back is { } back ? new(Icon.OfStep(back).Tone, back, Lit: back == "undoing")
        : new("off", story.Order.EndedAt is null ? "waiting" : "skipped");

    private static (string? Note, string Tone) UndoNote(Story story, StoryStep step, int i, int undoing) => step.Back switch
    {
        "undone" => (step.Undos.Count > 0 ? $"undone, {Story.Took(step.Undos)}" : "undone", "back"),
        "undoing" => (step.Undos.Count > 1 ? $"asked, try {step.Undos.Count}" : "asked", "back"),
        "stuck" => ($"stuck, {Words.Count(step.Undos.Count, "try", "tries")}", "bad"),
        "skipped" => ("nothing to undo", ""),
        "waiting" => (undoing > i && !story.Steps.Skip(i + 1).Take(undoing - i - 1).Any(s => s.Back == "waiting") ? "next" : "to come", ""),
        _ => (null, ""),
    };

    // The line from an undo to the one before it, which is the next.
    private static string Back(Story story, int i)
    {
        // What was refused has nothing to undo: from there it goes to the undo of the step before.
        if (story.TurnedAt is null || story.Steps[i].Back is null || (story.Steps[i].Back == "skipped" && story.Steps[i].Name != story.TurnedOn))
            return "not";
        var passed = i == 0 ? story.Order.EndedAt is not null : story.Steps[i - 1].Back is not "waiting";
        return passed ? "back" : "backcome";
    }

    private static string Says(Story story)
    {
        var done = string.Join(", ", story.Steps.Where(s => s.There == "done").Select(s => s.Name));
        var parts = new List<string> { $"The order is {story.Order.State}.", done.Length > 0 ? $"Done: {done}." : "Nothing is done yet." };
        if (story.TurnedAt is not null)
        {
            var undone = string.Join(", ", story.Steps.Reverse().Where(s => s.Back == "undone").Select(s => s.Row!.Undo));
            parts.Add($"It turned back at {story.TurnedOn} ({story.TurnedBy}). Undone: {(undone.Length > 0 ? undone : "nothing yet")}.");
        }

        if (story.Steps.Where(s => s.Back == "stuck").Select(s => s.Row!.Undo).ToList() is { Count: > 0 } stuck)
            parts.Add($"Stuck: {string.Join(", ", stuck)}.");
        if (story.Order.WaitsFor is { } waits)
            parts.Add($"It waits for {waits}.");
        return string.Join(" ", parts);
    }
}
