using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>Holds a JSON value against its description: as much of JSON Schema as that uses.</summary>
internal static class JsonSchema
{
    public static void Hold(JsonNode document, JsonNode schema, JsonNode? value, string where)
    {
        if (schema["$ref"]?.GetValue<string>() is { } reference)
            schema = document["components"]!["schemas"]![reference.Split('/')[^1]]!;
        if (schema["oneOf"] is JsonArray choices)
        {
            // One of them is null, where null is allowed.
            if (value is null && choices.Any(c => c!["type"]?.ToString() == "null"))
                return;
            schema = choices.Single(c => c!["type"]?.ToString() != "null")!;
            Hold(document, schema, value, where);
            return;
        }

        if (schema["type"] is { } types)
        {
            var allowed = types is JsonArray several ? several.Select(t => t!.GetValue<string>()).ToList() : [types.GetValue<string>()];
            Assert.True(allowed.Intersect(TypesOf(value)).Any(), $"{where} is {TypesOf(value)[^1]}, not {string.Join(" or ", allowed)}: {value?.ToJsonString()}");
        }

        if (schema["enum"] is JsonArray words && value is not null)
            Assert.True(words.Any(w => JsonNode.DeepEquals(w, value)), $"{where} is {value}, none of {words.ToJsonString()}");
        if (value is JsonValue text && text.GetValueKind() == JsonValueKind.String)
            HoldText(schema, text.GetValue<string>(), where);
        if (value is JsonArray items)
            for (var i = 0; i < items.Count; i++)
                Hold(document, schema["items"]!, items[i], string.Create(CultureInfo.InvariantCulture, $"{where}[{i}]"));
        if (value is JsonObject fields)
            HoldFields(document, schema, fields, where);
    }

    private static void HoldText(JsonNode schema, string text, string where)
    {
        Assert.True(schema["maxLength"] is not { } longest || text.Length <= longest.GetValue<int>(), $"{where} is too long.");
        Assert.True(schema["pattern"] is not { } pattern || Regex.IsMatch(text, pattern.GetValue<string>()), $"{where} is not like {schema["pattern"]}.");
        Assert.True(schema["format"]?.GetValue<string>() != "uuid" || Guid.TryParse(text, out _), $"{where} is no GUID.");
        Assert.True(schema["format"]?.GetValue<string>() != "date-time" || DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _), $"{where} is no time.");
    }

    private static void HoldFields(JsonNode document, JsonNode schema, JsonObject fields, string where)
    {
        foreach (var required in schema["required"]?.AsArray() ?? [])
            Assert.True(fields.ContainsKey(required!.GetValue<string>()), $"{where} has no {required}.");
        foreach (var (name, value) in fields)
            if (schema["properties"]?[name] is { } property)
                Hold(document, property, value, $"{where}.{name}");
            else if (schema["additionalProperties"] is JsonObject others)
                Hold(document, others, value, $"{where}.{name}");
            else
                Assert.Fail($"{where} has {name}, which is not described.");
    }

    private static List<string> TypesOf(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => ["null"],
        JsonValueKind.String => ["string"],
        JsonValueKind.True or JsonValueKind.False => ["boolean"],
        JsonValueKind.Array => ["array"],
        JsonValueKind.Object => ["object"],
        _ => value.ToJsonString().All(c => char.IsAsciiDigit(c) || c == '-') ? ["number", "integer"] : ["number"],
    };
}
