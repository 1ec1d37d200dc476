using System.Globalization;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web.Pages;

/// <summary>The messages of an order as arrows between the orchestrator and the services; repeats of an ask are one arrow.</summary>
internal static class Sequence
{
    private const double Left = 11, Right = 96, Top = 36, Pace = 27;

    private sealed record Arrow(DateTimeOffset At, string Service, bool Out, string Text, string Kind);

    public static Html Draw(Story story, Func<string, string> serviceOf)
    {
        var arrows = Arrows(story, serviceOf).ToList();
        var lanes = story.Steps.Select(s => serviceOf(s.Name)).Concat(arrows.Select(a => a.Service)).Distinct().ToList();
        var height = Top + (Pace * arrows.Count) + 12;
        double X(int lane) => Left + (lane * (Right - Left - 3) / Math.Max(1, lanes.Count));
        var heads = lanes.Prepend("orchestrator").Select((name, i) => Html.Of($"""<text class="head" x="{P(X(i))}" y="16">{name}</text><line class="life" x1="{P(X(i))}" x2="{P(X(i))}" y1="24" y2="{N(height)}"/>"""));
        var drawn = arrows.Select((a, i) => Draw(a, X(0), X(lanes.IndexOf(a.Service) + 1), Top + (Pace * i) + 16));
        return Html.Of($"""<div class="scroll" tabindex="0" role="region" aria-label="Messages"><svg class="seq" height="{N(height)}" role="img" aria-label="The messages of this order in the order in which they were sent; the log below says the same in words">{heads}{drawn}</svg></div>""");
    }

    private static Html Draw(Arrow arrow, double from, double to, double y)
    {
        // What was never answered stops short of its receiver: whether it came there nobody knows.
        var lost = arrow.Kind == "lost";
        var (start, end) = arrow.Out ? (from, lost ? from + ((to - from) * .88) : to) : (to, from);
        var head = lost ? Html.Of($"""<path class="cross" d="M-4-4 4 4M4-4-4 4"/>""") : Html.Of($"""<path class="tip" d="{(end > start ? "M-8-4 0 0-8 4z" : "M8-4 0 0 8 4z")}"/>""");
        return Html.Of($"""
            <g class="{arrow.Kind}"><text class="at" x="0" y="{N(y + 4)}">{Words.Exact(arrow.At)}</text><line x1="{P(start)}" x2="{P(end)}" y1="{N(y)}" y2="{N(y)}"/><svg class="o" x="{P(end)}" y="{N(y)}">{head}</svg><text x="{P((start + end) / 2)}" y="{N(y - 5)}">{arrow.Text}</text></g>
            """);
    }

    private static IEnumerable<Arrow> Arrows(Story story, Func<string, string> serviceOf)
    {
        var (log, undos) = (story.Order.Log, story.Steps.Where(s => s.Row?.Undo is not null).ToDictionary(s => s.Row!.Undo!, s => s.Name));
        for (var i = 0; i < log.Count; i++)
        {
            var line = log[i];
            if (Answer(line, story) is { } answer && line.Step is { } step)
                yield return new(line.At, serviceOf(line.Direction == "undo" ? story.Steps.FirstOrDefault(s => s.Name == step)?.Row?.Undo ?? step : step), Out: false, answer, line.Status is "faulted" or "refused" or "too late" || line.Error is not null ? "error" : line.Direction == "do" ? "" : "undo");
            if (line.Asks is not { } asks)
                continue;
            // Repeats until something else happens are told as one.
            var repeats = log.Skip(i + 1).TakeWhile(l => l.Asks == asks && l.Status is "asked again" or "unheard").Count();
            var next = log.Skip(i + 1 + repeats).FirstOrDefault(l => l.Status is not ("paused" or "resumed" or "ignored" or "denied" or "late"));
            var lost = next is { Status: "silent" or "out of time" } or { Status: "stuck", Error: "no answer" };
            yield return new(line.At, serviceOf(asks), Out: true, $"{asks}{(repeats > 0 ? $" x{repeats + 1}" : "")}{(lost ? ", no answer" : "")}", lost ? "lost" : undos.ContainsKey(asks) || asks == "SendApology" ? "undo" : "");
            i += repeats;
        }
    }

    private static string? Answer(LogLine line, Story story) => (line.Status, line.Direction) switch
    {
        ("done", _) => story.Steps.FirstOrDefault(s => s.Name == line.Step)?.Row?.Reaches ?? $"{line.Step} done",
        ("undone", _) => $"{line.Step} undone",
        ("apologised", _) => "told",
        ("refused", _) => $"refused: {Cut(line.Error)}",
        ("faulted", _) => $"fault: {Cut(line.Error)}",
        ("stuck", _) when line.Error != "no answer" => $"fault: {Cut(line.Error)}",
        ("too late", _) => $"too late: {Cut(line.Error)}",
        ("late", _) => "answered late",
        _ => null,
    };

    private static string Cut(string? text) => text is { Length: > 48 } ? $"{text[..47]}…" : text ?? "";

    private static string P(double share) => string.Create(CultureInfo.InvariantCulture, $"{share:0.##}%");

    private static string N(double number) => string.Create(CultureInfo.InvariantCulture, $"{number:0.##}");
}
