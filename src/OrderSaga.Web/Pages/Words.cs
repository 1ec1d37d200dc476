using System.Globalization;

namespace OrderSaga.Web.Pages;

/// <summary>Numbers, times and names as people read them.</summary>
internal static class Words
{
    /// <summary>412 ms, 1.9 s, 2 min 7 s, 3 h 5 min, 2 d 4 h.</summary>
    public static string Took(double milliseconds) => milliseconds switch
    {
        < 0 => "0 ms",
        < 1000 => F($"{milliseconds:0} ms"),
        < 10_000 => F($"{milliseconds / 1000:0.0} s").Replace(".0 s", " s", StringComparison.Ordinal),
        < 60_000 => F($"{Math.Floor(milliseconds / 1000)} s"),
        < 3_600_000 => F($"{Math.Floor(milliseconds / 60_000)} min {Math.Floor(milliseconds % 60_000 / 1000)} s"),
        < 86_400_000 => F($"{Math.Floor(milliseconds / 3_600_000)} h {Math.Floor(milliseconds % 3_600_000 / 60_000)} min"),
        _ => F($"{Math.Floor(milliseconds / 86_400_000)} d {Math.Floor(milliseconds % 86_400_000 / 3_600_000)} h"),
    };

    public static string Took(TimeSpan time) => Took(time.TotalMilliseconds);

    /// <summary>How long ago; where scripts run it goes on.</summary>
    public static Html Since(DateTimeOffset then, DateTimeOffset now) => Html.Of($"""<span data-since="{then.ToUnixTimeMilliseconds()}">{Took(Floor(now - then))}</span>""");

    public static string Clock(DateTimeOffset at) => at.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    public static string Exact(DateTimeOffset at) => at.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

    /// <summary>21 Nov, 14:28:41; the time alone if it is today.</summary>
    public static string Moment(DateTimeOffset at, DateTimeOffset now) =>
        at.UtcDateTime.Date == now.UtcDateTime.Date ? Clock(at) : at.UtcDateTime.ToString(at.Year == now.Year ? "d MMM, HH:mm:ss" : "d MMM yyyy, HH:mm", CultureInfo.InvariantCulture);

    public static string Money(decimal? amount, string? currency) => amount is { } money ? F($"{money:#,0.00} {currency}") : "not known yet";

    public static string Count(int number) => F($"{number:#,0}");

    /// <summary>1 order, 2 orders.</summary>
    public static string Count(int number, string one, string? many = null) => $"{Count(number)} {(number == 1 ? one : many ?? one + "s")}";

    /// <summary>The last eight digits, in two groups: those of orders that were made together differ.</summary>
    public static string Short(Guid id) => id.ToString("N") is var text ? $"{text[24..28]}-{text[28..]}".ToUpperInvariant() : "";

    // Seconds are enough of what goes on.
    private static TimeSpan Floor(TimeSpan time) => time < TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Floor(time.TotalSeconds));

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
