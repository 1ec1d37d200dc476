using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace OrderSaga.Messaging.Http;

/// <summary>Reads the JSON that somebody sends; what cannot be read is answered by a problem that says why.</summary>
public static class JsonBody
{
    /// <summary>Strict: a field that is misspelt, doubled or of the wrong type is an error, not a default.</summary>
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNameCaseInsensitive = false,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        NumberHandling = JsonNumberHandling.Strict,
        MaxDepth = 8,
        Converters = { new WholeDecimal() },
    };

    /// <summary>The body, or what it is answered with.</summary>
    /// <param name="request">The request.</param>
    /// <param name="what">What the body is, such as order: the word of the problem.</param>
    /// <param name="ct">Ends it.</param>
    public static async Task<(T? Value, IResult? Refusal)> ReadAsync<T>(HttpRequest request, string what, CancellationToken ct)
        where T : class
    {
        if (!IsJson(request))
            return (null, Problems.Of(415, "not-json", "The body is not JSON.", $"Send the {what} as JSON in UTF-8, with content-type application/json and no content-encoding."));
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(request.Body, Json, ct).ConfigureAwait(false) is { } value
                ? (value, null)
                : (null, Problems.Invalid(what, new Dictionary<string, string[]> { [""] = ["The body is null; it has to be an object."] }));
        }
        catch (JsonException e)
        {
            return (null, Problems.Invalid(what, new Dictionary<string, string[]> { [Field(e.Path)] = [Reason(e)] }));
        }
        catch (BadHttpRequestException e)
        {
            return (null, e.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? Problems.Of(413, "body-too-large", "The body is too large.", e.Message)
                : Problems.Of(e.StatusCode, "body-unreadable", $"The body could not be read ({ReasonPhrases.GetReasonPhrase(e.StatusCode)}).", e.Message));
        }
    }

    private static bool IsJson(HttpRequest request) =>
        request.HasJsonContentType() && request.Headers.ContentEncoding.All(e => string.IsNullOrEmpty(e) || e.Equals("identity", StringComparison.OrdinalIgnoreCase))
        && MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    // As the client wrote it: lines[0].quantity, not $.lines[0].quantity.
    private static string Field(string? path) => (path ?? "").TrimStart('$').TrimStart('.');

    // The serializer's sentence without the types and positions that it appends, which are nobody's business.
    private static string Reason(JsonException e) =>
        e.Message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal) ? "There is no such field."
        : e.Message.Contains("could not be converted", StringComparison.Ordinal) ? "The value is of the wrong type or out of range."
        : e.Message.Contains("uplicate", StringComparison.Ordinal) ? "The field is there twice."
        : $"The body is not valid JSON (line {(e.LineNumber ?? 0) + 1}, byte {(e.BytePositionInLine ?? 0) + 1}).";

    // A decimal holds 28 digits: what has more would be rounded to a number that nobody sent.
    private sealed class WholeDecimal : JsonConverter<decimal>
    {
        private const int Most = 28;

        public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetDecimal(out var value))
                throw new JsonException();
            var text = Encoding.ASCII.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan);
            var digits = text.Split('e', 'E')[0].Where(char.IsAsciiDigit).ToList();
            return digits.Count <= Most && (value != 0 || digits.TrueForAll(d => d == '0')) ? value : throw new JsonException();
        }

        public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
    }
}
