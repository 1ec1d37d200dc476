using System.Globalization;
using System.Net;
using System.Text;

namespace OrderSaga.Host.Commands.Load;

/// <summary>A drawing with two axes, in SVG; its colours are the page's.</summary>
internal sealed class Chart
{
    private const double Width = 440, Height = 230, Left = 48, Right = 16, Top = 12, Bottom = 34;
    private static readonly double[] Steps = [1, 2, 5, 10];
    private readonly StringBuilder svg = new();
    private readonly double mostX, mostY;

    /// <param name="about">What it shows, for who cannot see it.</param>
    /// <param name="mostX">Where the horizontal axis ends; it begins at 0.</param>
    /// <param name="mostY">What the vertical one has to reach.</param>
    /// <param name="below">What the horizontal axis measures.</param>
    /// <param name="marks">What stands at it where.</param>
    public Chart(string about, double mostX, double mostY, string below, IEnumerable<(double At, string Text)> marks)
    {
        var step = Step(mostY);
        (this.mostX, this.mostY) = (Math.Max(mostX, 1e-9), Math.Max(Math.Ceiling(mostY / step), 1) * step);
        Add($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(about)}\">");
        for (var y = 0.0; y <= this.mostY * 1.0001; y += step)
            Add($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(y):0.#}\" y2=\"{Y(y):0.#}\"/><text x=\"{Left - 6}\" y=\"{Y(y) + 4:0.#}\" text-anchor=\"end\">{y:#,0.###}</text>");
        foreach (var (at, text) in marks)
            Add($"<text x=\"{X(at):0.#}\" y=\"{Height - Bottom + 15}\" text-anchor=\"middle\">{WebUtility.HtmlEncode(text)}</text>");
        Add($"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 4}\" text-anchor=\"middle\" class=\"axis\">{WebUtility.HtmlEncode(below)}</text>");
    }

    public Chart Line(string kind, IEnumerable<(double X, double Y)> points)
    {
        Add($"<polyline class=\"{kind}\" points=\"");
        foreach (var (x, y) in points)
            Add($"{X(x):0.#},{Y(y):0.#} ");
        Add($"\"/>");
        return this;
    }

    public Chart Bar(double from, double to, double high, string says)
    {
        if (high > 0)
            Add($"<rect class=\"bar\" x=\"{X(from) + 0.5:0.##}\" width=\"{Math.Max(X(to) - X(from) - 1, 0.5):0.##}\" y=\"{Y(high):0.#}\" height=\"{Y(0) - Y(high):0.#}\"><title>{WebUtility.HtmlEncode(says)}</title></rect>");
        return this;
    }

    public override string ToString() => $"{svg}</svg>";

    /// <summary>Steps that people count in, about five of them.</summary>
    public static double Step(double most)
    {
        if (most <= 0)
            return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(most / 5)));
        return Steps.Select(s => s * power).First(s => most / s <= 5.0001);
    }

    private double X(double value) => Left + (Math.Clamp(value / mostX, 0, 1) * (Width - Left - Right));

    private double Y(double value) => Height - Bottom - (Math.Clamp(value / mostY, 0, 1) * (Height - Top - Bottom));

    private void Add(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture));
}
