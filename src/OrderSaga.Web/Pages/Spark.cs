using System.Globalization;

namespace OrderSaga.Web.Pages;

/// <summary>The last hour as a line, a minute a point.</summary>
internal static class Spark
{
    private const double Height = 22;

    public static Html Of(IReadOnlyList<int> values, string tone)
    {
        if (values.Count == 1)
            values = [values[0], values[0]];
        var most = Math.Max(1, values.Max());
        var line = string.Join(' ', values.Select((v, i) => string.Create(CultureInfo.InvariantCulture, $"{i * 100.0 / (values.Count - 1):0.#} {Height - 1.5 - ((Height - 4) * v / most):0.#}")));
        return Html.Of($"""<svg class="spark {tone}" viewBox="0 0 100 22" preserveAspectRatio="none" aria-hidden="true"><path class="area" d="M0 22L{line}L100 22z"/><path d="M{line}"/></svg>""");
    }
}
