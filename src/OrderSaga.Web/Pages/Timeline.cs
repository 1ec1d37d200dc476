using System.Globalization;

namespace OrderSaga.Web.Pages;

/// <summary>
/// One row per step and below its undo, mirrored; one bar per try. Waits are folded, unless it is to be true to scale: each gap between two
/// moments gets a width that grows with its logarithm, so that 9 ms and 32 s can be read in one picture.
/// </summary>
internal sealed class Timeline
{
    private const double From = 2, To = 98, Thinnest = .45, Apart = 9, ApartOnPhones = 19;
    private readonly Story story;
    private readonly DateTimeOffset start;
    private readonly List<double> moments;
    private readonly List<double> places = [From];

    public Timeline(Story story, bool folded)
    {
        (this.story, start) = (story, story.Order.StartedAt);
        var tries = story.Steps.SelectMany(s => s.Tries.Concat(s.Undos)).Concat(story.ApologyTries).ToList();
        moments = [.. tries.SelectMany(t => new[] { Ms(t.From), Ms(t.To) }).Append(0).Append(Math.Max(1, Ms(story.Until))).Order().Distinct()];
        var widths = moments.Zip(moments.Skip(1), (a, b) => folded ? .8 + Math.Pow(Math.Log10(1 + b - a), 1.8) : b - a).ToList();
        var all = widths.Sum();
        foreach (var width in widths)
            places.Add(places[^1] + ((To - From) * width / all));
    }

    public Html Draw(Func<string, Html> heading)
    {
        var turned = story.TurnedAt is not null;
        var grid = Ticks(moments, Apart).ToList();
        var narrow = Ticks(grid, ApartOnPhones).ToHashSet();
        var lines = Html.Of($"""<g id="grid">{grid.Select(t => Line("grid", At(t)))}{(story.Order.EndedAt is null ? Line("nowline", To) : null)}</g>""");
        return Html.Of($"""
            <table class="times"><caption class="away">Time of each step and of its undo, one bar per try</caption><thead><tr><th scope="col">Step</th><th scope="col" class="bars"><svg class="lane" height="22" aria-hidden="true">{lines}{grid.Select(t => Html.Of($"""<text{(narrow.Contains(t) ? null : Html.Of($""" class="more" """))} x="{P(At(t))}" y="14" text-anchor="{(At(t) < 4 ? "start" : "middle")}">{(t == 0 ? "0" : Words.Took(t))}</text>"""))}{(story.Order.EndedAt is null ? Html.Of($"""<text class="nowtext" x="{P(To)}" y="14" text-anchor="end">now</text>""") : null)}</svg></th><th scope="col" class="num">Took</th></tr></thead>
            <tbody>{story.Steps.Select(s => Row(s.Name, s.There, s.Tries, s.There == "waiting" ? turned ? "not asked" : "to come" : Story.Took(s.Tries), heading))}</tbody>
            {(turned ? Html.Of($"""<tbody><tr class="axis"><td colspan="3">Turned back: {story.TurnedOn} {story.TurnedBy}. Below, each undo mirrors its step above.</td></tr>{story.Steps.Reverse().Where(s => s.Back is not null).Select(s => Row(s.Row!.Undo!, s.Back!, s.Undos, s.Back == "skipped" ? "nothing to undo" : s.Back == "waiting" ? "to come" : Story.Took(s.Undos), heading))}{Row("SendApology", story.ApologyTries.Count == 0 ? "waiting" : story.ApologyTries[^1].Kind == "back" ? "done" : "asked", story.ApologyTries, story.ApologyTries.Count == 0 ? "to come" : Story.Took(story.ApologyTries), heading)}</tbody>""") : null)}</table>
            """);
    }

    private Html Row(string name, string status, IReadOnlyList<Try> tries, string took, Func<string, Html> heading)
    {
        var (shape, tone) = Icon.OfStep(status);
        var pauses = tries.Zip(tries.Skip(1)).Where(p => p.Second.From > p.First.To).Select(p => Html.Of($"""<line class="pause" x1="{P(At(Ms(p.First.To)))}" x2="{P(At(Ms(p.Second.From)))}" y1="50%" y2="50%"/>"""));
        var bars = tries.Select(t => (t.Kind, X: At(Ms(t.From)), Width: Math.Max(Thinnest, At(Ms(t.To)) - At(Ms(t.From))))).Select(b => Html.Of($"""<rect class="bar-{b.Kind}" x="{P(Math.Min(b.X, To - Thinnest))}" y="26%" width="{P(b.Width)}" height="48%" rx="2"/>"""));
        return Html.Of($"""
            <tr class="{(status is "waiting" or "skipped" ? "idle" : "")}"><th scope="row"><span class="{tone}">{Icon.Of(shape)}</span>{heading(name)}<span class="away">, {status}</span></th><td class="bars"><svg class="lane" role="img" aria-label="{name}: {status} {took}"><use href="#grid"/>{pauses}{bars}</svg></td><td class="num">{took}</td></tr>
            """);
    }

    // The start and the turn first, then whatever has room.
    private IEnumerable<double> Ticks(IEnumerable<double> among, double apart)
    {
        var (kept, turn) = (new List<double>(), story.TurnedAt is { } at ? Ms(at) : -1);
        foreach (var moment in among.OrderBy(m => m != 0).ThenBy(m => Math.Abs(m - turn) > 0.5).ThenBy(m => m))
            if (kept.TrueForAll(k => Math.Abs(At(k) - At(moment)) >= apart) && To - At(moment) >= apart)
                kept.Add(moment);
        return kept.Order();
    }

    private double Ms(DateTimeOffset at) => Math.Max(0, (at - start).TotalMilliseconds);

    private double At(double ms)
    {
        var i = moments.FindIndex(m => m >= ms);
        if (i <= 0)
            return i < 0 ? To : From;
        return places[i - 1] + ((places[i] - places[i - 1]) * (ms - moments[i - 1]) / (moments[i] - moments[i - 1]));
    }

    private static Html Line(string kind, double x) => Html.Of($"""<line class="{kind}" x1="{P(x)}" x2="{P(x)}" y1="0" y2="100%"/>""");

    private static string P(double share) => string.Create(CultureInfo.InvariantCulture, $"{share:0.##}%");
}
