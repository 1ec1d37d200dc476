using System.Globalization;

namespace OrderSaga.Messaging;

/// <summary>Where a page of a list ended: the next begins behind this row, whatever was added before it. To clients it is only a word.</summary>
public readonly record struct PageMark(char Part, DateTimeOffset At, Guid Id, string Text = "")
{
    /// <summary>What <see cref="ToString"/> wrote; none if it did not.</summary>
    public static PageMark? Read(string text) =>
        text.Split('.', 4) is [[var part], var ticks, var id, var more]
        && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at <= DateTime.MaxValue.Ticks
        && Guid.TryParseExact(id, "N", out var guid)
            ? new(part, new DateTimeOffset(at, TimeSpan.Zero), guid, more)
            : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Part}.{At.UtcTicks}.{Id:N}.{Text}");
}

/// <summary>A page of a list; <paramref name="Next"/> asks for the one after it.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next)
{
    /// <summary>How many there are from the page's beginning on, where that was asked for.</summary>
    public int? Matched { get; init; }
}
