using System.Text;
using System.Text.Json.Nodes;

namespace OrderSaga.EndToEnd.Tests.Support;

/// <summary>A request that must be refused.</summary>
/// <param name="Name">What is wrong with it.</param>
/// <param name="Status">What it must be answered with.</param>
/// <param name="Field">The field that the answer must name; none where it is not about one.</param>
internal sealed record BadRequest(string Name, int Status, string? Field = null)
{
    public HttpMethod Method { get; init; } = HttpMethod.Post;

    public string Path { get; init; } = "/orders";

    public byte[] Body { get; init; } = Encoding.UTF8.GetBytes(BadInput.Order().ToJsonString());

    public string? ContentType { get; init; } = "application/json";

    public (string Name, string Value)[] Headers { get; init; } = [];

    /// <summary>Sent in pieces, with no word of its length.</summary>
    public bool Chunked { get; init; }

    public HttpRequestMessage Make()
    {
        HttpContent content = Chunked ? new StreamContent(new Endless(Body)) : new ByteArrayContent(Body);
        if (ContentType is not null)
            content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
        var request = new HttpRequestMessage(Method, Path) { Content = Body.Length == 0 ? null : content };
        foreach (var (name, value) in Headers)
            if (!request.Headers.TryAddWithoutValidation(name, value))
                content.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    // A stream that does not know its length.
    private sealed class Endless(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}

/// <summary>Everything that can be wrong with an order, made from an order that is right: each field is walked.</summary>
internal static class BadInput
{
    private const string Card = "4111 1111 1111 1111";

    // Texts with their longest; codes; numbers.
    private static readonly (string Field, int Longest)[] Texts =
    [
        ("customer.id", 100), ("customer.email", 254), ("lines[0].productId", 64), ("shippingAddress.name", 200), ("shippingAddress.street", 200),
        ("shippingAddress.city", 100), ("shippingAddress.postalCode", 20), ("payment.token", 100),
    ];

    private static readonly (string Field, int Length)[] Codes = [("currency", 3), ("shippingAddress.country", 2)];

    private static readonly string[] Groups = ["customer", "shippingAddress", "payment", "lines[0]"];

    /// <summary>An order that is right, with every field.</summary>
    public static JsonObject Order() => JsonNode.Parse("""
        { "customer": { "id": "c-1", "email": "a@example.org" }, "currency": "EUR",
          "lines": [ { "productId": "sku-apple", "quantity": 2, "unitPrice": 3.99 } ],
          "shippingAddress": { "name": "A", "street": "B 1", "city": "C", "postalCode": "1", "country": "DE" },
          "payment": { "token": "tok_visa" }, "giftWrap": false,
          "faults": [ { "step": "ChargePayment", "kind": "refuse", "times": 1 } ] }
        """)!.AsObject();

    public static IEnumerable<BadRequest> All() =>
        [.. OfTexts(), .. OfCodes(), .. OfNumbers(), .. OfTypes(), .. OfNames(), .. OfLists(), .. OfFaults(), .. OfJson(), .. OfBytes(), .. OfHeaders(), .. OfPaths(), .. BadOperations.All()];

    /// <summary>What the order's own rules refuse, so that it is refused on the bus as well.</summary>
    public static IEnumerable<BadRequest> OfBusiness() =>
        [.. OfTexts().Concat(OfCodes()).Where(b => !b.Name.Contains("surrogate", StringComparison.Ordinal)), .. OfQuantities().Concat(OfPrices()).Where(b => !b.Name.Contains("unreadable", StringComparison.Ordinal))];

    /// <summary>The order with this JSON in place of a field; null takes the field away.</summary>
    public static byte[] With(string field, string? json)
    {
        var order = Order();
        const string mark = "\u0001here\u0001";
        var (parent, name) = Find(order, field);
        if (json is null)
            parent.AsObject().Remove(name);
        else if (parent is JsonArray list)
            list[0] = mark;
        else
            parent[name] = mark;
        return Encoding.UTF8.GetBytes(order.ToJsonString().Replace("\"\\u0001here\\u0001\"", json, StringComparison.Ordinal));
    }

    private static (JsonNode Parent, string Name) Find(JsonObject order, string field)
    {
        JsonNode parent = order;
        var parts = field.Replace("[0]", ".0", StringComparison.Ordinal).Split('.');
        foreach (var part in parts[..^1])
            parent = part == "0" ? parent[0]! : parent[part]!;
        return (parent, parts[^1]);
    }

    private static BadRequest Field(string what, string field, string? json, string? names = null) => new($"{field}: {what}", 400, names ?? field) { Body = With(field, json) };

    private static IEnumerable<BadRequest> OfTexts()
    {
        foreach (var (field, longest) in Texts)
        {
            var tail = field == "customer.email" ? "@b" : "";
            yield return Field("missing", field, null);
            yield return Field("null", field, "null");
            yield return Field("empty", field, "\"\"");
            yield return Field("blank", field, "\" \\t \"");
            yield return Field("too long by one", field, $"\"{new string('x', longest + 1 - tail.Length)}{tail}\"");
            yield return Field("far too long", field, $"\"{new string('x', 30_000)}{tail}\"");
            foreach (var control in new[] { "\\u0000", "\\n", "\\u001b", "\\u007f", "\\u0085" })
                yield return Field($"control character {control}", field, $"\"x{control}y{tail}\"");
            yield return Field("half a surrogate", field, "\"x\\ud83d\"");
            yield return Field("surrogates the wrong way round", field, "\"\\ude00\\ud83dx\"");
            yield return Field("card number", field, $"\"{Card}{tail}\"");
        }

        foreach (var email in new[] { "nobody", "@example.org", "a@" })
            yield return Field($"no address ({email})", "customer.email", $"\"{email}\"");
    }

    private static IEnumerable<BadRequest> OfCodes()
    {
        foreach (var (field, length) in Codes)
        {
            yield return Field("missing", field, null);
            foreach (var code in new[] { "null", "\"\"", $"\"{new string('A', length + 1)}\"", $"\"{new string('A', length - 1)}\"", $"\"{new string('a', length)}\"", $"\"{new string('7', length)}\"",
                $"\"{new string('\u0410', length)}\"", $"\"{new string(' ', length)}\"", $"\"{new string('A', length - 1)}\\u0000\"", $"\"{new string('A', length - 1)} \"", $"\"{Card}\"" })
                yield return Field(code, field, code);
        }
    }

    private static IEnumerable<BadRequest> OfNumbers() => OfQuantities().Concat(OfPrices());

    private static IEnumerable<BadRequest> OfQuantities()
    {
        const string field = "lines[0].quantity";
        yield return Field("missing", field, null);
        foreach (var number in new[] { "0", "-1", "10001", "2147483647", "-2147483648" })
            yield return Field(number, field, number);
        foreach (var number in new[] { "null", "1.5", "1.0", "1e3", "1E400", "-1e-400", "2147483648", "99999999999999999999", "\"2\"", "\"\"", "true", "[1]", "{}" })
            yield return Field($"unreadable {number}", field, number);
    }

    private static IEnumerable<BadRequest> OfPrices()
    {
        const string field = "lines[0].unitPrice";
        foreach (var number in new[] { "-0.01", "-1", "1000000.01", "1e9", "3.999", "0.001", "1e-3", "79228162514264337593543950335" })
            yield return Field(number, field, number);
        foreach (var number in new[] { "1e400", "-1e400", "1e-400", "79228162514264337593543950336", "3.990000000000000000000000000000001", "0.0000000000000000000000000000001", "1e-29",
            "\"3.99\"", "\"NaN\"", "\"Infinity\"", "true", "[3.99]", "{}" })
            yield return Field($"unreadable {number}", field, number);
    }

    private static IEnumerable<BadRequest> OfTypes()
    {
        foreach (var field in Texts.Select(t => t.Field).Concat(Codes.Select(c => c.Field)))
            foreach (var json in new[] { "7", "true", "[]", "{}" })
                yield return Field($"is {json}", field, json);
        foreach (var field in Groups)
            foreach (var json in new[] { "7", "\"text\"", "true", "[]" })
                yield return Field($"is {json}", field, json);
        foreach (var field in Groups)
            yield return Field("has nothing in it", field, "{}", Texts.First(t => t.Field.StartsWith(field, StringComparison.Ordinal)).Field);
        foreach (var field in Groups.Where(g => g != "lines[0]"))
            foreach (var json in new[] { null, "null" })
                yield return Field(json ?? "missing", field, json, Texts.First(t => t.Field.StartsWith(field, StringComparison.Ordinal)).Field);
        foreach (var json in new[] { "null", "1", "\"true\"", "\"\"", "[]", "{}", "TRUE" })
            yield return json == "TRUE" ? new("giftWrap: is TRUE", 400) { Body = With("giftWrap", json) } : Field($"is {json}", "giftWrap", json);
    }

    private static IEnumerable<BadRequest> OfNames()
    {
        foreach (var (group, known) in new[] { ("", "currency"), ("customer.", "id"), ("lines[0].", "quantity"), ("shippingAddress.", "city"), ("payment.", "token"), ("faults[0].", "kind") })
        {
            foreach (var name in new[] { "unknown", "$ref", "$type", "__proto__", known.ToUpperInvariant(), char.ToUpperInvariant(known[0]) + known[1..] })
                yield return Extra(group, name, "1");
            yield return Extra(group, known, "\"again\"");
            yield return new($"{group}: a name with blanks and dots", 400, $"{group.TrimEnd('.')}['a b.c']") { Body = Inserted(group, "a b.c", "1") };
        }
    }

    private static BadRequest Extra(string group, string name, string json) => new($"{group}{name}: unknown or doubled", 400, group + name) { Body = Inserted(group, name, json) };

    private static byte[] Inserted(string group, string name, string json)
    {
        var order = Order();
        var inside = group.Length == 0 ? order : group == "lines[0]." || group == "faults[0]." ? order[group[..^4]]![0]!.AsObject() : order[group[..^1]]!.AsObject();
        inside["\u0001"] = 0;
        return Encoding.UTF8.GetBytes(order.ToJsonString().Replace("\"\\u0001\":0", $"\"{name}\":{json}", StringComparison.Ordinal));
    }

    private static IEnumerable<BadRequest> OfLists()
    {
        foreach (var json in new[] { "null", "[]", "7", "\"sku-apple\"", "{}" })
            yield return Field($"is {json}", "lines", json);
        yield return Field("missing", "lines", null);
        yield return Field("is a list of null", "lines", "[null]", "lines[0].productId");
        yield return Field("is a list of lists", "lines", "[[]]", "lines[0]");
        const string line = """{"productId":"sku-apple","quantity":1}""";
        yield return Field("101 of them", "lines", $"[{string.Join(',', Enumerable.Repeat(line, 101))}]");
        yield return Field("the last one is wrong", "lines", $"[{line},{line.Replace("1}", "0}", StringComparison.Ordinal)}]", "lines[1].quantity");
    }

    private static IEnumerable<BadRequest> OfFaults()
    {
        foreach (var json in new[] { "7", "\"all\"", "{}", "true" })
            yield return Field($"is {json}", "faults", json);
        yield return Field("is a list of null", "faults", "[null]", "faults[0].step");
        yield return Field("is a list of nothing", "faults", "[{}]", "faults[0].step");
        yield return Field("21 of them", "faults", $"[{string.Join(',', Enumerable.Repeat("""{"step":"Gateway","kind":"throw"}""", 21))}]");
        foreach (var step in new[] { "null", "\"\"", "\"ChargePaiment\"", "\"chargepayment\"", "\"RefundPayment\"", "7" })
            yield return Field($"is {step}", "faults[0].step", step);
        foreach (var kind in new[] { "null", "\"\"", "\"explode\"", "\"Refuse\"", "7" })
            yield return Field($"is {kind}", "faults[0].kind", kind);
        yield return new("faults[0].kind: an undo of what is never undone", 400, "faults[0].kind") { Body = With("faults", """[{"step":"SendConfirmation","kind":"undo-throw"}]""") };
        foreach (var times in new[] { "0", "-1", "1001", "1.5", "\"1\"", "1e400", "99999999999" })
            yield return Field($"is {times}", "faults[0].times", times);
        yield return new("faults[0].seconds: is said", 400, "faults[0].seconds") { Body = With("faults", """[{"step":"ChargePayment","kind":"late","seconds":3}]""") };
    }

    private static IEnumerable<BadRequest> OfJson()
    {
        var good = Order().ToJsonString();
        foreach (var cut in new[] { 1, 2, good.Length / 4, good.Length / 2, good.Length - 2, good.Length - 1 })
            yield return Json($"cut off after {cut}", good[..cut]);
        foreach (var whole in new[] { "", " ", "null", "7", "\"order\"", "true", "[]", $"[{good}]", "nul", "NaN", "Infinity", "undefined", "'order'", "{]", "{}}", "<order/>", "customer=c-1" })
            yield return Json($"is {(whole.Length > 20 ? "an order in a list" : whole)}", whole);
        foreach (var tail in new[] { "x", ",", "}", "{}", "/* */", "// end", "\0", good })
            yield return Json($"with {(tail.Length > 20 ? "another order" : tail)} behind it", good + tail);
        yield return Json("a comma before its end", good[..^1] + ",}");
        yield return Json("a comma at the end of a list", good.Replace("}]", "},]", StringComparison.Ordinal));
        yield return Json("a comment in it", good.Insert(1, "/* an order */"));
        yield return Json("a comment to the end of a line", good.Insert(1, "// an order\n"));
        yield return Json("names without quotes", good.Replace("\"currency\"", "currency", StringComparison.Ordinal));
        yield return Json("single quotes", good.Replace('"', '\''));
        yield return Json("a line break in a text", good.Replace("c-1", "c\n1", StringComparison.Ordinal));
        yield return Json("an escape that is none", good.Replace("c-1", "\\x41", StringComparison.Ordinal));
        foreach (var number in new[] { "NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x10", "1_000", "--1", "1e" })
            yield return new($"quantity: {number}, which is no number in JSON", 400) { Body = With("lines[0].quantity", number) };
        foreach (var depth in new[] { 9, 1000, 30_000 })
            yield return Json($"lists {depth} deep", good.Replace("\"c-1\"", new string('[', depth) + new string(']', depth), StringComparison.Ordinal));
        yield return Json("objects 1000 deep", string.Concat(Enumerable.Repeat("{\"a\":", 1000)) + "1" + new string('}', 1000));
    }

    private static BadRequest Json(string what, string text) => new($"body: {what}", 400) { Body = text.Length == 0 ? [0x20] : Encoding.UTF8.GetBytes(text) };

    private static IEnumerable<BadRequest> OfBytes()
    {
        var good = Order().ToJsonString();
        yield return new("body: none", 415) { Body = [] };
        foreach (var encoding in new[] { Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF32 })
            yield return new($"body: {encoding.WebName} with its mark", 400) { Body = [.. encoding.Preamble, .. encoding.GetBytes(good)] };
        yield return new("body: Latin-1 said to be UTF-8", 400) { Body = Encoding.Latin1.GetBytes(good.Replace("c-1", "c\u00e9", StringComparison.Ordinal)) };
        yield return new("body: an overlong form in UTF-8", 400) { Body = Bytes(good, [0xC0, 0x80]) };
        yield return new("body: a surrogate in UTF-8", 400) { Body = Bytes(good, [0xED, 0xA0, 0x80]) };
        yield return new("body: a byte that is never in UTF-8", 400) { Body = Bytes(good, [0xFF]) };
        // Who asks first whether he may send as much learns that he may not; who just sends it may find the connection closed.
        yield return new("body: 5 MB", 413) { Body = Encoding.UTF8.GetBytes(new string(' ', 5_000_000) + good), Headers = [("Expect", "100-continue")] };
        foreach (var chunked in new[] { false, true })
        {
            yield return new($"body: over 64 KiB, chunked {chunked}", 413) { Body = Encoding.UTF8.GetBytes(new string(' ', 64 * 1024) + good), Chunked = chunked };
            yield return new($"body: one text of over 64 KiB, chunked {chunked}", 413) { Body = With("customer.id", $"\"{new string('x', 70_000)}\""), Chunked = chunked };
        }
    }

    private static byte[] Bytes(string good, byte[] inside)
    {
        var at = good.IndexOf("c-1", StringComparison.Ordinal);
        return [.. Encoding.UTF8.GetBytes(good[..at]), .. inside, .. Encoding.UTF8.GetBytes(good[at..])];
    }

    private static IEnumerable<BadRequest> OfHeaders()
    {
        foreach (var type in new[] { null, "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "application", "json", "*/*",
            "application/json; charset=utf-16", "application/json; charset=iso-8859-1", "application/json; charset=klingon" })
            yield return new($"content-type: {type ?? "none"}", 415) { ContentType = type };
        foreach (var encoding in new[] { "gzip", "br", "deflate", "gzip, identity", "klingon" })
            yield return new($"content-encoding: {encoding}", 415) { Headers = [("Content-Encoding", encoding)] };
        foreach (var (what, key) in new[] { ("of 201", new string('k', 201)), ("of 5000", new string('k', 5000)), ("with a blank", "a b"), ("with a tab", "a\tb"), ("with an umlaut", "sch\u00f6n"), ("empty", "") })
            yield return new($"idempotency-key: {what}", 400, "Idempotency-Key") { Headers = [("Idempotency-Key", key)] };
        yield return new("idempotency-key: two", 400, "Idempotency-Key") { Headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")] };
        // What a client prefers or has is ignored where it makes no sense; that it is no excuse for an order that is wrong.
        foreach (var prefer in new[] { "wait", "wait=", "wait=-1", "wait=soon", "wait=1e9", "wait=99999999999999999999", ",,,", ";;=", "wait=10; wait=20", "return=minimal" })
            yield return new($"prefer: {prefer}, and no currency", 400, "currency") { Headers = [("Prefer", prefer)], Body = With("currency", null) };
        foreach (var accept in new[] { "text/html", "image/png", "application/json;q=0", "nonsense" })
            yield return new($"accept: {accept}, and no currency", 400, "currency") { Headers = [("Accept", accept)], Body = With("currency", null) };
        foreach (var last in new[] { "seven", "-1", "1.5", "99999999999", "1, 2" })
            yield return Of(HttpMethod.Get, $"/orders/{Guid.Empty}/events", 400) with { Name = $"last-event-id: {last}", Field = "Last-Event-ID", Headers = [("Last-Event-ID", last)] };
        foreach (var match in new[] { "*", "seven", "\"1", "W/", "\"1\",,\"2\"" })
            yield return Of(HttpMethod.Get, $"/orders/{Guid.Empty}", 404) with { Name = $"if-none-match: {match}, of no order", Headers = [("If-None-Match", match)] };
    }

    private static IEnumerable<BadRequest> OfPaths()
    {
        foreach (var id in new[] { "seven", "7", "-1", "null", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000", "g0000000-0000-0000-0000-000000000000",
            "%20", "%F0%9F%8D%8E", "'%20OR%20'1'='1", "{}", new string('7', 3000), $"{Guid.Empty}" })
        {
            yield return Of(HttpMethod.Get, $"/orders/{id}", 404);
            yield return Of(HttpMethod.Get, $"/orders/{id}/events", 404);
        }

        yield return Of(HttpMethod.Get, $"/orders/{Guid.Empty}/nothing", 404);
        foreach (var method in new[] { "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY" })
            yield return Of(new(method), "/orders", 405);
        foreach (var method in new[] { "PUT", "DELETE", "POST", "PATCH", "OPTIONS" })
            yield return Of(new(method), $"/orders/{Guid.Empty}", 405);
        foreach (var method in new[] { "PUT", "DELETE", "POST", "PATCH" })
            yield return Of(new(method), $"/orders/{Guid.Empty}/events", 405);
        yield return Of(HttpMethod.Get, "/ops/reconciliation?settled=soon", 400);
        yield return Of(HttpMethod.Get, "/notification/sent?orderId=seven", 400) with { Field = "orderId" };
        yield return Of(HttpMethod.Get, "/inventory/products/sku-unknown", 404);
    }

    private static BadRequest Of(HttpMethod method, string path, int status) => new($"{method} {(path.Length > 100 ? $"{path[..50]}..{path[^20..]}" : path)}", status) { Method = method, Path = path, Body = [] };
}
