using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using OrderSaga.EndToEnd.Tests.Support;
using OrderSaga.Web;

namespace OrderSaga.EndToEnd.Tests;

/// <summary>The description of the API says what the shop does, and is the one that is checked in.</summary>
public sealed class When_the_api_is_described
{
    private const string File = "docs/openapi.json";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_what_is_checked_in_and_what_the_shop_does()
    {
        await using var place = await Place.OfAsync("embedded");
        await using var shop = await Shop.StartAsync(place, Ct, more: ["--environment", "Development"]);
        var text = await shop.Http.GetStringAsync("/openapi/v1.json", Ct);
        var document = JsonNode.Parse(text)!;
        var places = document["paths"]!["/orders"]!["post"]!["requestBody"]!["content"]!["application/json"]!["examples"]!.AsObject();
        Assert.Equal(Examples.All.Select(e => e.Name), places.Select(e => e.Key));
        foreach (var (name, example) in places)
            await PlaceAsync(shop, document, example!["value"]!, Examples.All.Single(e => e.Name == name).Status);
        foreach (var bad in new[] { BadInput.With("lines[0].quantity", "0"), "{"u8.ToArray() })
        {
            using var content = new ByteArrayContent(bad) { Headers = { ContentType = new("application/json") } };
            using var refused = await shop.Http.PostAsync(new Uri("/orders", UriKind.Relative), content, Ct);
            await HoldAsync(document, "post", "/orders", refused, HttpStatusCode.BadRequest);
        }

        var checkedIn = Path.Combine(Repository.Root, File);
        Assert.True(System.IO.File.Exists(checkedIn) && await System.IO.File.ReadAllTextAsync(checkedIn, Ct) == text,
            $"{File} is not what this version says. Start the shop (dotnet run --project src/OrderSaga.Host), then: curl -s http://127.0.0.1:5080/openapi/v1.json -o {File}; and look at what changed.");
    }

    [Fact]
    public async Task Should_say_of_every_endpoint_what_it_does_and_how_it_refuses()
    {
        var document = JsonNode.Parse(await System.IO.File.ReadAllTextAsync(Path.Combine(Repository.Root, File), Ct))!;
        foreach (var (path, methods) in document["paths"]!.AsObject())
            foreach (var (method, operation) in methods!.AsObject())
            {
                Assert.False(string.IsNullOrEmpty(operation!["summary"]?.GetValue<string>()), $"{method} {path} has no summary.");
                Assert.False(string.IsNullOrEmpty(operation["tags"]?[0]?.GetValue<string>()), $"{method} {path} has no tag.");
                var answers = operation["responses"]!.AsObject();
                Assert.True(answers.ContainsKey("429") && answers.ContainsKey("503"), $"{method} {path} does not say how it refuses.");
                Assert.True(!path.StartsWith("/ops/", StringComparison.Ordinal) || answers.ContainsKey("403"), $"{method} {path} is for operators.");
                Assert.All(answers, a => Assert.False(string.IsNullOrEmpty(a.Value!["description"]?.GetValue<string>()), $"{method} {path} {a.Key}"));
            }
    }

    private static async Task PlaceAsync(Shop shop, JsonNode document, JsonNode order, int status)
    {
        JsonSchema.Hold(document, document["components"]!["schemas"]!["NewOrder"]!, order, "example");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = new StringContent(order.ToJsonString(), Encoding.UTF8, "application/json") };
        request.Headers.Add("Prefer", "wait=30");
        using var response = await shop.Http.SendAsync(request, Ct);
        await HoldAsync(document, "post", "/orders", response, (HttpStatusCode)status);
        using var read = await shop.Http.GetAsync(response.Headers.Location, Ct);
        await HoldAsync(document, "get", "/orders/{orderId}", read, HttpStatusCode.OK);
        var id = response.Headers.Location!.ToString().Split('/')[^1];
        using var sent = await shop.Http.GetAsync($"/notification/sent?orderId={id}", Ct);
        await HoldAsync(document, "get", "/notification/sent", sent, HttpStatusCode.OK);
        using var parcel = await shop.Http.GetAsync($"/shipping/shipments/{id}", Ct);
        await HoldAsync(document, "get", "/shipping/shipments/{orderId}", parcel, parcel.StatusCode);
        using var product = await shop.Http.GetAsync("/inventory/products/sku-apple", Ct);
        await HoldAsync(document, "get", "/inventory/products/{id}", product, HttpStatusCode.OK);
    }

    // An answer is one that the description knows, with its headers and its shape.
    private static async Task HoldAsync(JsonNode document, string method, string path, HttpResponseMessage answer, HttpStatusCode status)
    {
        Assert.Equal(status, answer.StatusCode);
        var described = document["paths"]![path]![method]!["responses"]![$"{(int)status}"];
        Assert.True(described is not null, $"{method} {path} is not said to answer {status}.");
        foreach (var header in answer.Headers.Concat(answer.Content.Headers).Select(h => h.Key).Where(h => h is "Location" or "ETag" or "Retry-After" or "Preference-Applied"))
            Assert.True(described["headers"]?[header] is not null, $"{method} {path} {status} is not said to send {header}.");
        var shape = described["content"]?[answer.Content.Headers.ContentType!.MediaType!]?["schema"];
        Assert.True(shape is not null, $"{method} {path} {status} is not said to be {answer.Content.Headers.ContentType}.");
        JsonSchema.Hold(document, shape, await answer.Content.ReadFromJsonAsync<JsonNode>(Ct), $"{method} {path} {status}");
    }
}
