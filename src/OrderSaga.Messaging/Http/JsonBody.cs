using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace OrderSaga.Messaging.Http;

/// <summary>Reads the JSON that somebody sends; what cannot be read is answered by a problem that says why.</summary>
public static class JsonBody
{
    /// <summary>Strict: a field that is misspelt, doubled or of the wrong type is an error, not a default.</summary>
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        NumberHandling = JsonNumberHandling.Strict,
        MaxDepth = 8,
    };

    /// <summary>The body, or what it is answered with.</summary>
    /// <param name="request">The request.</param>
    /// <param name="what">What the body is, such as order: the word of the problem.</param>
    /// <param name="ct">Ends it.</param>
    public static async Task<(T? Value, IResult? Refusal)> ReadAsync<T>(HttpRequest request, string what, CancellationToken ct)
        where T : class
    {
        if (!request.HasJsonContentType())
            return (null, Problems.Of(415, "not-json", "The body is not JSON.", $"Send the {what} as JSON with content-type application/json."));
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(request.Body, Json, ct).ConfigureAwait(false) is { } value
                ? (value, null)
                : (null, Problems.Invalid(what, new Dictionary<string, string[]> { [""] = ["The body is null; it has to be an object."] }));
        }
        catch (JsonException e)
        {
            var field = e.Path is null or "$" ? "" : e.Path.StartsWith("$.", StringComparison.Ordinal) ? e.Path[2..] : e.Path;
            return (null, Problems.Invalid(what, new Dictionary<string, string[]> { [field] = [Reason(e)] }));
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return (null, Problems.Of(413, "body-too-large", "The body is too large.", e.Message));
        }
    }

    // The serializer's sentence without the types and positions that it appends, which are nobody's business.
    private static string Reason(JsonException e) =>
        e.Message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal) ? "There is no such field."
        : e.Message.Contains("could not be converted", StringComparison.Ordinal) ? "The value is of the wrong type or out of range."
        : e.Message.Contains("uplicate", StringComparison.Ordinal) ? "The field is there twice."
        : $"The body is not valid JSON (line {(e.LineNumber ?? 0) + 1}, byte {(e.BytePositionInLine ?? 0) + 1}).";
}
