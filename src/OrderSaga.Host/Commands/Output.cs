using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace OrderSaga.Host.Commands;

/// <summary>What people read: lines and tables, from what programs are given.</summary>
internal static class Output
{
    private static readonly JsonSerializerOptions Readable = new(JsonSerializerOptions.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Prints what a program is given, which is what it would be given by HTTP.</summary>
    public static void Json<T>(T value) => Console.WriteLine(JsonSerializer.Serialize(value, Readable));

    /// <summary>Prints columns that stand under each other; the last one is as long as it is.</summary>
    public static void Table(IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows)
    {
        List<IReadOnlyList<string>> all = [head, .. rows];
        var widths = head.Select((_, column) => all.Max(row => row[column].Length)).ToList();
        foreach (var row in all)
            Console.WriteLine(string.Concat(row.Select((text, column) => column == row.Count - 1 ? text : text.PadRight(widths[column] + 2))).TrimEnd());
    }

    /// <summary>A property as text; nothing if it is not there.</summary>
    public static string Text(this JsonElement element, string property) =>
        !element.TryGetProperty(property, out var value) ? "" : value.ValueKind switch
        {
            JsonValueKind.Null or JsonValueKind.Undefined => "",
            JsonValueKind.String => OnOneLine(value.GetString()!),
            _ => value.GetRawText(),
        };

    /// <summary>A time, to the second.</summary>
    public static string Time(this JsonElement element, string property) =>
        element.Text(property) is { Length: > 0 } text && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out var at) ? at.UtcDateTime.ToString("u", CultureInfo.InvariantCulture) : "";

    /// <summary>What an order costs.</summary>
    public static string Money(this JsonElement order) => order.Text("total") is { Length: > 0 } total ? $"{total} {order.Text("currency")}" : "";

    // Texts come from elsewhere: none may write over the screen.
    private static string OnOneLine(string text) => new([.. text.Select(c => char.IsControl(c) ? ' ' : c)]);
}
