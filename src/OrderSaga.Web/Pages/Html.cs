using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace OrderSaga.Web.Pages;

/// <summary>
/// Markup, made of literals of this program alone. Whatever is filled in is text and is encoded, in elements and in quoted attributes alike,
/// unless it is markup itself; so nothing that comes from an order, a message or a request can ever become any.
/// </summary>
internal sealed class Html
{
    public static readonly Html None = new("");
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);
    private readonly string markup;

    private Html(string markup) => this.markup = markup;

    public static Html Of(ref Builder markup) => new(markup.Text);

    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts.Select(p => p.markup)));

    public override string ToString() => markup;

    /// <summary>What <c>Html.Of($"...")</c> is compiled to.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Builder(int literals, int holes)
    {
        private readonly StringBuilder text = new(literals + (holes * 16));

        public string Text => text.ToString();

        public void AppendLiteral(string markup) => text.Append(markup);

        public void AppendFormatted(Html? part) => text.Append(part?.markup);

        public void AppendFormatted(IEnumerable<Html> parts)
        {
            foreach (var part in parts)
                text.Append(part.markup);
        }

        public void AppendFormatted(string? value) => text.Append(value is null ? null : Encoder.Encode(value));

        public void AppendFormatted<T>(T value, string? format = null)
            where T : ISpanFormattable
            => AppendFormatted(value.ToString(format, CultureInfo.InvariantCulture));
    }
}
