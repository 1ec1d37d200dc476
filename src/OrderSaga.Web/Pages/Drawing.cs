using System.Globalization;

namespace OrderSaga.Web.Pages;

/// <summary>What marks a place of the drawing: a sign, or a number in a pill.</summary>
internal sealed record DrawnMark(string Tone, string? Shape = null, int? Count = null, bool Lit = false, string? Link = null);

/// <summary>A state.</summary>
internal sealed record DrawnState(string Name, DrawnMark Mark, string? Note = null, string NoteTone = "", bool Dim = false);

/// <summary>A step, the state that it reaches, and its undo below it.</summary>
/// <remarks>
/// Its line is done, now, fail, come or not; the line to the left of its undo back, backcome or not. Where the order turned back here, it did
/// so into the undo of this very step if that is in doubt, else into that of the one before.
/// </remarks>
internal sealed record DrawnStep(
    string Name, string? Note, string NoteTone, string Line, DrawnState After, string? Undo, DrawnMark? UndoMark, string? UndoNote, string UndoTone, string Back, DrawnMark? Turns = null, bool UndoDim = false);

/// <summary>
/// The saga as a picture: there along the top, back along the bottom. Places are shares of the width, sizes are pixels, so it fits any width
/// and its words never scale; on a narrow screen the same list is drawn downwards.
/// </summary>
internal sealed record Drawing(string Says, DrawnState First, IReadOnlyList<DrawnStep> Steps, DrawnState Compensated, DrawnState Failed)
{
    private const double Margin = 5.4, Top = 56, Bottom = 134, End = 190;
    private const int Pace = 60, Left = 30;

    public Html Draw() => Html.Of($"{Wide()}{Narrow()}");

    private double X(int state) => Margin + (state * (100 - (2 * Margin)) / Steps.Count);

    private double Middle(int step) => X(step) + ((X(step + 1) - X(step)) / 2);

    private Html Wide()
    {
        var parts = new List<Html>();
        for (var i = 0; i < Steps.Count; i++)
            parts.AddRange(Lines(i));
        var last = Steps.ToList().FindIndex(s => s.Undo is not null);
        parts.Add(Line("e " + Steps[last].Back, P(X(0)), Bottom, P(Middle(last)), Bottom));
        parts.Add(Html.Of($"""<svg x="{P(X(0))}" class="o"><path class="e {Steps[last].Back}" d="M0 {N(Bottom)}V{N(End)}"/></svg>"""));
        foreach (var (state, i) in Steps.Select(s => s.After).Prepend(First).Select((s, i) => (s, i)))
            parts.Add(Html.Of($"""{Place(P(X(i)), Top, state.Mark)}{Text(P(X(i)), Top + 30, state.Name, state.Dim ? "dim" : "st")}{Text(P(X(i)), Top + 45, state.Note, $"n {state.NoteTone}")}"""));
        for (var i = 0; i < Steps.Count; i++)
            parts.AddRange(Words(i));
        parts.Add(Html.Of($"""{Place(P(X(0)), Bottom, Compensated.Mark)}{Text(P(X(0)), Bottom - 22, Compensated.Name, Compensated.Dim ? "dim" : "st")}{Place(P(X(0)), End, Failed.Mark)}{Text(P(X(0)), End + 30, Failed.Name, Failed.Dim ? "dim" : "st")}{Text(P(X(0)), End + 45, Failed.Note, $"n {Failed.NoteTone}")}"""));
        return Html.Of($"""<div class="wide"><svg class="saga n{Steps.Count}" height="244" role="img" aria-label="{Says}">{parts}</svg></div>""");
    }

    private IEnumerable<Html> Lines(int i)
    {
        var (step, from, to, middle) = (Steps[i], P(X(i)), P(X(i + 1)), P(Middle(i)));
        if (step.Undo is not null)
            yield return Line("e tie", middle, Top, middle, Bottom);
        if (step.Turns is null)
            yield return Html.Of($"""{Line($"e {step.Line}", from, Top, to, Top)}<svg class="o {Tone(step.Line)}" x="{middle}" y="{N(Top)}"><path class="arrow" d="M-4-4 3 0-4 4z"/></svg>""");
        else
        {
            // Half of the line is what was tried; the rest was never gone. From there it turns down.
            yield return Html.Of($"""{Line("e fail", from, Top, middle, Top)}{Line("e not", middle, Top, to, Top)}{(step.Undo is null ? null : Line("e back", middle, Top, middle, Bottom))}""");
        }

        var before = i - 1;
        if (step.Undo is not null && before >= 0 && Steps[before].Undo is not null)
            yield return Html.Of($"""{Line($"e {step.Back}", P(Middle(before)), Bottom, middle, Bottom)}<svg class="o {Tone(step.Back)}" x="{P((Middle(before) + Middle(i)) / 2)}" y="{N(Bottom)}"><path class="arrow" d="M4-4-3 0 4 4z"/></svg>""");
    }

    private IEnumerable<Html> Words(int i)
    {
        var (step, middle) = (Steps[i], P(Middle(i)));
        yield return Html.Of($"""{Text(middle, Top - 32, step.Name, step.Line is "come" or "not" && step.Turns is null ? "dim" : "b")}{Text(middle, Top - 17, step.Note, $"n {step.NoteTone}")}""");
        if (step.Turns is { } turned)
            yield return Place(middle, Top, turned);
        yield return step is { Undo: { } undo, UndoMark: { } mark }
            ? Html.Of($"""{Place(middle, Bottom, mark)}{Text(middle, Bottom + 30, undo, mark.Lit ? "lit" : step.UndoDim ? "dim" : "b")}{Text(middle, Bottom + 45, step.UndoNote, $"n {step.UndoTone}")}""")
            : Html.Of($"""{Text(middle, Bottom + 4, "no undo: mail", "n")}{Text(middle, Bottom + 19, "cannot be unsent", "n")}""");
    }

    // The same, turned: down on the left, up on the right.
    private Html Narrow()
    {
        const string right = "57%";
        double Y(int state) => 46 + (state * Pace);
        double Between(int step) => Y(step) + (Pace / 2);
        var parts = new List<Html>();
        for (var i = 0; i < Steps.Count; i++)
        {
            var step = Steps[i];
            parts.Add(Line($"e {(step.Turns is null ? step.Line : "fail")}", $"{Left}", Y(i), $"{Left}", step.Turns is null ? Y(i + 1) : Between(i)));
            if (step.Turns is { } turned)
                parts.Add(Html.Of($"""{Line("e not", $"{Left}", Between(i), $"{Left}", Y(i + 1))}{Line("e back", $"{Left}", Between(i), right, Between(i))}{Place($"{Left}", Between(i), turned)}"""));
            if (step.Undo is not null)
                parts.Add(Line($"e {step.Back}", right, i == 0 ? 40 : Between(i - 1), right, Between(i)));
        }

        foreach (var (state, i) in Steps.Select(s => s.After).Prepend(First).Select((s, i) => (s, i)))
            parts.Add(Html.Of($"""{Place($"{Left}", Y(i), state.Mark)}{Text($"{Left + 36}", Y(i) + 4, state.Name, state.Dim ? "dim" : "st")}"""));
        for (var i = 0; i < Steps.Count; i++)
        {
            parts.Add(Text($"{Left + 36}", Between(i) + 4, $"{Steps[i].Note}", $"n {Steps[i].NoteTone}"));
            if (Steps[i] is { Undo: { } undo, UndoMark: { } mark } step)
                parts.Add(Html.Of($"""{Place(right, Between(i), mark)}<svg class="o" x="{right}" y="{N(Between(i))}">{Text("24", step.UndoNote is null ? 4 : -2, undo, mark.Lit ? "lit" : step.UndoDim ? "dim" : "b")}{Text("24", 13, step.UndoNote, $"n {step.UndoTone}")}</svg>"""));
        }

        parts.Add(Html.Of($"""{Place(right, 12, Compensated.Mark)}{Place(right, 40, Failed.Mark)}<svg class="o" x="{right}">{Text("34", 16, Compensated.Name, "st")}{Text("34", 44, Failed.Name, "st")}</svg>"""));
        return Html.Of($"""<svg class="saga down narrow" height="{N(Y(Steps.Count) + 24)}" role="img" aria-label="{Says}">{parts}</svg>""");
    }

    private static string Tone(string line) => line switch { "done" => "ok", "now" => "go", "back" => "back", _ => "off" };

    private static Html Line(string kind, string x1, double y1, string x2, double y2) => Html.Of($"""<line class="{kind}" x1="{x1}" y1="{N(y1)}" x2="{x2}" y2="{N(y2)}"/>""");

    private static Html Text(string x, double y, string? text, string kind) => string.IsNullOrEmpty(text) ? Html.None : Html.Of($"""<text class="{kind}" x="{x}" y="{N(y)}">{text}</text>""");

    private static Html Place(string x, double y, DrawnMark mark)
    {
        var inside = mark.Count is { } count ? Pill(mark.Tone, count)
            : Html.Of($"""{(mark.Lit ? Html.Of($"""<circle class="halo" r="14"/>""") : null)}<circle class="disc" r="10.5"/><svg class="i" x="-9" y="-9" width="18" height="18"><use href="#i-{mark.Shape}"/></svg>""");
        return Html.Of($"""<svg class="o {mark.Tone}" x="{x}" y="{N(y)}">{(mark.Link is { } link ? Html.Of($"""<a href="{link}">{inside}</a>""") : inside)}</svg>""");
    }

    private static Html Pill(string tone, int count)
    {
        var text = Pages.Words.Count(count);
        var width = Math.Max(30, 16 + (8 * text.Length));
        return Html.Of($"""<rect class="pill {(count == 0 ? "none" : tone)}" x="{N(-width / 2.0)}" y="-12" width="{width}" height="24" rx="12"/><text class="count{(count == 0 ? " none" : "")}" y="4.5">{text}</text>""");
    }

    private static string P(double share) => string.Create(CultureInfo.InvariantCulture, $"{share:0.##}%");

    private static string N(double number) => string.Create(CultureInfo.InvariantCulture, $"{number:0.##}");
}
