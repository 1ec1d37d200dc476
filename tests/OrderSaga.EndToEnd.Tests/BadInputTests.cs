using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrderSaga.EndToEnd.Tests.Support;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>Whatever is sent: it is said what is wrong with it, it is never the shop's fault, and nothing of it is stored.</summary>
public sealed class When_what_is_sent_is_wrong(ITestOutputHelper output)
{
    private const string Rows = "SELECT (SELECT count(*) FROM checkout.order_state) * 1000000 + (SELECT count(*) FROM checkout.saga_log)";

    private static readonly string[] Members = ["type", "title", "detail", "traceId"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_told_what_and_leave_no_trace()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--environment", "Development"]);
        using var http = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 }) { BaseAddress = shop.Http.BaseAddress };
        var all = BadInput.All().ToList();
        output.WriteLine($"{all.Count} bad requests:");
        Assert.Equal(all.Count, all.Select(b => b.Name).Distinct().Count());
        Assert.InRange(all.Count, 300, 2000);
        List<string> wrong = [];
        foreach (var bad in all)
        {
            var (status, trouble) = await SendAsync(http, bad);
            if (await place.ScalarAsync<long>(Rows) != 0)
                trouble = "something was stored";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{status} {bad.Name}{(bad.Field is null ? "" : $" -> {bad.Field}")}"));
            if (trouble is not null)
                wrong.Add($"{bad.Name}: {trouble}");
            if (trouble == "something was stored")
                break;
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {all.Count}:\n{string.Join('\n', wrong)}");
        Assert.DoesNotContain("fail: ", shop.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_take_what_is_unusual_and_right()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct);
        var order = BadInput.Order();
        order.Remove("faults");
        var good = order.ToJsonString();
        HashSet<string> ids = [];
        // The same order under one key, however it is written and whatever else the client wishes for.
        foreach (var (body, type, prefer) in new[]
        {
            (good, "application/json", null),
            ("\ufeff" + good, "application/json; charset=utf-8", "wait=soon"),
            (good, "application/json; charset=\"UTF-8\"", "wait=-1, ;="),
            ($" \r\n{good}\n\n", "application/order+json", "return=minimal"),
            (good.Replace("3.99", "399e-2", StringComparison.Ordinal), "APPLICATION/JSON", "wait=99999999999999999999"),
            (good.Replace("3.99", "3.9900", StringComparison.Ordinal), "application/json", "respond-async"),
            (good.Replace("\"giftWrap\":false", "\"faults\":null", StringComparison.Ordinal), "application/json", null),
            (good.Replace("c-1", "\\u0063-1", StringComparison.Ordinal), "application/json", null),
        })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", "identity");
            request.Headers.TryAddWithoutValidation("Idempotency-Key", "one");
            if (prefer is not null)
                request.Headers.TryAddWithoutValidation("Prefer", prefer);
            using var response = await shop.Http.SendAsync(request, Ct);
            Assert.True((int)response.StatusCode == 202, $"{type} {prefer} {await response.Content.ReadAsStringAsync(Ct)}");
            ids.Add((await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("orderId").GetString()!);
        }

        var id = Guid.Parse(Assert.Single(ids));
        await shop.AtRestAsync(id, Ct);
        using var now = await shop.Http.GetAsync($"/orders/{id}", Ct);
        foreach (var (match, status) in new[] { ($"{now.Headers.ETag}", 304), ($"\"0\", W/{now.Headers.ETag}", 304), ("*", 304), ("\"0\"", 200), ("seven", 200), ("\"", 200) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/orders/{id}");
            request.Headers.TryAddWithoutValidation("If-None-Match", match);
            using var response = await shop.Http.SendAsync(request, Ct);
            Assert.Equal((match, status), (match, (int)response.StatusCode));
        }
    }

    private static async Task<(int Status, string? Trouble)> SendAsync(HttpClient http, BadRequest bad)
    {
        using var request = bad.Make();
        using var response = await http.SendAsync(request, Ct);
        var status = (int)response.StatusCode;
        var text = await response.Content.ReadAsStringAsync(Ct);
        if (status != bad.Status)
            return (status, $"{status} instead of {bad.Status}: {text}");
        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json")
            return (status, $"it is no problem but {response.Content.Headers.ContentType}: {text}");
        if (status == 405 && response.Content.Headers.Allow.Count == 0)
            return (status, "the methods that are allowed are not named");
        var problem = JsonNode.Parse(text)!.AsObject();
        if (Array.Find(Members, member => problem[member]?.GetValue<string>() is not { Length: > 0 }) is { } missing)
            return (status, $"no {missing}: {text}");
        return (status, problem["status"]?.GetValue<int>() != status ? $"another status is written in it: {text}"
            : bad.Field is not null && problem["errors"]?[bad.Field] is null ? $"{bad.Field} is not named: {text}"
            : null);
    }
}
