namespace OrderSaga.Web.Pages;

/// <summary>The signs of the console: each state has a shape, a tone and a word, and is never told by colour alone.</summary>
internal static class Icon
{
    // A grid of 16; `cut` shapes are drawn in the colour of the ground that they stand on.
    private static readonly Dictionary<string, Html> Shapes = new()
    {
        ["waiting"] = Html.Of($"""<circle cx="8" cy="8" r="6" stroke-dasharray="1.6 2.17"/>"""),
        ["asked"] = Html.Of($"""<circle cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="2.6" class="full"/>"""),
        ["done"] = Html.Of($"""<circle cx="8" cy="8" r="7" class="full"/><path d="M4.8 8.3 7 10.5l4.2-4.8" class="cut"/>"""),
        ["refused"] = Html.Of($"""<circle cx="8" cy="8" r="7" class="full"/><path d="M4.8 8h6.4" class="cut"/>"""),
        ["silent"] = Html.Of($"""<circle cx="8" cy="8" r="6.2"/><path d="M5 8h.01M8 8h.01M11 8h.01"/>"""),
        ["faulted"] = Html.Of($"""<path d="M8 2 14.4 13.4H1.6z"/><path d="M8 6.4v3.2M8 11.6h.01"/>"""),
        ["undoing"] = Html.Of($"""<path d="M3 4.7A6 6 0 1 1 2.1 9"/><path d="M2.5 1.8v3.3h3.3"/><circle cx="8" cy="8" r="1.7" class="full"/>"""),
        ["undone"] = Html.Of($"""<circle cx="8" cy="8" r="7" class="full"/><path d="M7.2 4.8 4.7 7.2l2.5 2.4M5 7.2h3.7a2.1 2.1 0 0 1 0 4.2H7.4" class="cut"/>"""),
        ["stuck"] = Html.Of($"""<path d="M5.1 1.2h5.8l3.9 3.9v5.8l-3.9 3.9H5.1l-3.9-3.9V5.1z" class="full"/><path d="M8 4.6v4M8 11.2h.01" class="cut"/>"""),
        ["skipped"] = Html.Of($"""<circle cx="8" cy="8" r="6"/><path d="m4.4 11.6 7.2-7.2"/>"""),
        ["paused"] = Html.Of($"""<circle cx="8" cy="8" r="6.3"/><path d="M6.4 5.8v4.4M9.6 5.8v4.4"/>"""),
        ["slow"] = Html.Of($"""<circle cx="8" cy="8" r="6.2"/><path d="M8 4.4V8l2.4 1.7"/>"""),
        ["unknown"] = Html.Of($"""<circle cx="8" cy="8" r="6"/>"""),
        ["overview"] = Html.Of($"""<path d="M1.8 9.4h3l2.1-6 2.5 9 1.8-5h3"/>"""),
        ["orders"] = Html.Of($"""<path d="M2.5 3.8h11M2.5 8h11M2.5 12.2h7"/>"""),
        ["hand"] = Html.Of($"""<path d="M3.6 14.2V2M3.6 2.6h8.6L10.3 5.7l1.9 3.1H3.6"/>"""),
        ["audit"] = Html.Of($"""<path d="M3.5 1.8h6.2l2.8 2.8v9.6h-9zM5.8 7.2h4.4M5.8 10h4.4"/>"""),
        ["shop"] = Html.Of($"""<path d="M3 5.4h10l.8 8.4H2.2zM5.4 7.4V4.6a2.6 2.6 0 0 1 5.2 0v2.8"/>"""),
        ["search"] = Html.Of($"""<circle cx="7" cy="7" r="4.6"/><path d="m10.5 10.5 3.2 3.2"/>"""),
        ["more"] = Html.Of($"""<path d="M6 3.4 10.6 8 6 12.6"/>"""),
        ["menu"] = Html.Of($"""<path d="M2.4 4.4h11.2M2.4 8h11.2M2.4 11.6h11.2"/>"""),
        ["export"] = Html.Of($"""<path d="M8 2.2v7.4M4.9 6.9 8 9.9l3.1-3M2.8 13.6h10.4"/>"""),
        ["copy"] = Html.Of($"""<rect x="5.6" y="5.6" width="8" height="8" rx="1.4"/><path d="M10.4 2.9H4.3a1.5 1.5 0 0 0-1.5 1.5v6"/>"""),
        ["live"] = Html.Of($"""<circle cx="8" cy="8" r="4" class="full"/>"""),
        ["next"] = Html.Of($"""<path d="M2.8 8h10M9.2 4.4 12.8 8l-3.6 3.6"/>"""),
        ["close"] = Html.Of($"""<path d="m4.4 4.4 7.2 7.2M11.6 4.4l-7.2 7.2"/>"""),
        ["brand"] = Html.Of($"""<path d="M2.2 5h10M9.6 2.2 12.4 5 9.6 7.8M13.8 11h-10M6.4 8.2 3.6 11l2.8 2.8"/>"""),
    };

    /// <summary>All of them, once on a page, to be used by name.</summary>
    public static readonly Html Sprite = Html.Of($"""<svg class="away" aria-hidden="true">{Shapes.Select(s => Html.Of($"""<symbol id="i-{s.Key}" viewBox="0 0 16 16">{s.Value}</symbol>"""))}</svg>""");

    public static Html Of(string shape) => Html.Of($"""<svg class="i" aria-hidden="true"><use href="#i-{(Shapes.ContainsKey(shape) ? shape : "unknown")}"/></svg>""");

    /// <summary>A circle that fills with what is done.</summary>
    public static Html Pie(int done, int of) => Html.Of($"""<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.3"/><circle class="pie" cx="8" cy="8" r="2.2" pathLength="{Math.Max(of, 1)}" stroke-dasharray="{done} {Math.Max(of, 1)}" transform="rotate(-90 8 8)"/></svg>""");

    /// <summary>The shape and tone of how a step stands.</summary>
    public static (string Shape, string Tone) OfStep(string status) => status switch
    {
        "waiting" => ("waiting", "off"),
        "asked" => ("asked", "go"),
        "done" => ("done", "ok"),
        "refused" => ("refused", "bad"),
        "silent" => ("silent", "warn"),
        "faulted" => ("faulted", "bad"),
        "undoing" => ("undoing", "back"),
        "undone" => ("undone", "back"),
        "stuck" => ("stuck", "bad"),
        "skipped" => ("skipped", "off"),
        _ => ("unknown", "off"),
    };

    public static Html Chip(string shape, string tone, string word, string more = "") => Html.Of($"""<span class="chip {tone} {more}">{Of(shape)}{word}</span>""");

    public static Html StepChip(string status) => OfStep(status) is var (shape, tone) ? Chip(shape, tone, status, "plain") : Html.None;

    /// <summary>The state of an order. One that a newer version has is shown by its word.</summary>
    public static Html StateChip(string state, IReadOnlyList<string> states, string more = "")
    {
        var ends = states.ToList().IndexOf("Complete");
        return state switch
        {
            "Complete" => Chip("done", "ok", state, $"plain {more}"),
            "Compensating" => Chip("undoing", "back", state, more),
            "Compensated" => Chip("undone", "off", state, $"plain {more}"),
            "Failed" => Chip("stuck", "bad", state, more),
            _ when states.ToList().IndexOf(state) is >= 0 and var at && at < ends => Html.Of($"""<span class="chip go plain {more}">{Pie(at, ends)}{state}</span>"""),
            _ => Chip("unknown", "off", state, $"plain {more}"),
        };
    }
}
