using System.Globalization;
using Microsoft.AspNetCore.Http;
using OrderSaga.Messaging.Http;

namespace OrderSaga.Web;

/// <summary>Reads what a list is narrowed to; what is wrong with it is said by field.</summary>
internal static class Question
{
    public static string? Given(string? value) => string.IsNullOrEmpty(value) ? null : value;

    /// <summary>A filter that is misspelt would show what nobody asked for.</summary>
    public static Dictionary<string, string[]> Unknown(HttpRequest request, params string[] known) => request.Query.Keys
        .Except(known, StringComparer.OrdinalIgnoreCase).ToDictionary(key => key, _ => new[] { $"There is no such filter; there are {string.Join(", ", known)}." });

    public static string? OneOf(Dictionary<string, string[]> wrong, string field, string? value, IReadOnlyList<string> known)
    {
        if (string.IsNullOrEmpty(value))
            return null;
        var found = known.FirstOrDefault(k => k.Equals(value, StringComparison.OrdinalIgnoreCase));
        if (found is null)
            wrong.Add(field, [$"It is one of {string.Join(", ", known)}."]);
        return found;
    }

    /// <summary>90 (seconds), 90s, 15m, 2h, 1d, or 00:01:30.</summary>
    public static TimeSpan? Age(Dictionary<string, string[]> wrong, string field, string? value)
    {
        if (string.IsNullOrEmpty(value))
            return null;
        var unit = value[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (double.TryParse(unit == 0 ? value : value[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number * Math.Max(unit, 1) <= TimeSpan.FromDays(3650).TotalSeconds)
            return TimeSpan.FromSeconds(number * Math.Max(unit, 1));
        if (value.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time) && time >= TimeSpan.Zero && time <= TimeSpan.FromDays(3650))
            return time;
        wrong.Add(field, ["It is a time such as 90s, 15m, 2h, 1d or 00:01:30, up to ten years."]);
        return null;
    }

    public static IResult NoSuchPage() =>
        Problems.Invalid("question", new Dictionary<string, string[]> { ["page"] = ["There is no such page: give what the page before said as 'next'."] });

    /// <summary>A time of the calendar, or an age.</summary>
    public static DateTimeOffset? Since(Dictionary<string, string[]> wrong, string field, string? value, DateTimeOffset now)
    {
        if (string.IsNullOrEmpty(value))
            return null;
        var ages = new Dictionary<string, string[]>();
        if (Age(ages, field, value) is { } age)
            return now - age;
        if (DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && value.Contains('-', StringComparison.Ordinal))
            return at.ToUniversalTime();
        wrong.Add(field, ["It is a time such as 2026-05-04T12:00:00Z, or an age such as 90s, 15m, 2h, 1d."]);
        return null;
    }

    /// <summary>An id.</summary>
    public static Guid? Id(Dictionary<string, string[]> wrong, string field, string? value)
    {
        if (string.IsNullOrEmpty(value) || Guid.TryParse(value, out _))
            return string.IsNullOrEmpty(value) ? null : Guid.Parse(value);
        wrong.Add(field, ["It is the id of an order."]);
        return null;
    }

    /// <summary>true or false.</summary>
    public static bool? Flag(Dictionary<string, string[]> wrong, string field, string? value)
    {
        if (string.IsNullOrEmpty(value))
            return null;
        if (bool.TryParse(value, out var flag))
            return flag;
        wrong.Add(field, ["It is true or false."]);
        return null;
    }
}
