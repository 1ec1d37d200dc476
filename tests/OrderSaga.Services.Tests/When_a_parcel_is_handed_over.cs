using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_a_parcel_is_handed_over(Shop shop) : IClassFixture<Shop>
{
    private readonly Guid orderId = Guid.NewGuid();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_too_late_to_cancel_it_however_often_it_is_tried()
    {
        await ShipAsync();
        using var handed = await HandOverAsync();
        Assert.Equal(HttpStatusCode.OK, handed.StatusCode);
        Assert.Equal("HANDED_OVER", (await handed.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("status").GetString());

        var first = await shop.AskAsync(new CancelShipment(orderId));
        Assert.Equal("HANDED_OVER", Assert.IsType<ShipmentNotCancelled>(first.Message).Reason);
        Assert.Equal(first.Body, (await shop.AskAsync(new CancelShipment(orderId))).Body);
        Assert.Equal("HANDED_OVER", await StatusAsync());
        Assert.Equal("done, too late", await shop.ReadAsync("SELECT string_agg(status, ', ' ORDER BY undo) FROM shipping.step_log WHERE order_id = @id", orderId));
    }

    [Fact]
    public async Task Should_be_handed_over_or_cancelled_but_never_both()
    {
        for (var round = 0; round < 20; round++)
        {
            var id = Guid.NewGuid();
            await shop.AskAsync(Ask(id));
            var handing = shop.Http.PostAsync($"/shipping/shipments/{id}/hand-over", null, Ct);
            var answer = (await shop.AskAsync(new CancelShipment(id))).Message;
            using var handed = await handing;

            Assert.Equal(handed.StatusCode == HttpStatusCode.OK, answer is ShipmentNotCancelled);
            Assert.Equal(answer is ShipmentNotCancelled ? "HANDED_OVER" : "CANCELLED", await shop.ReadAsync("SELECT status FROM shipping.shipments WHERE order_id = @id", id));
        }
    }

    [Fact]
    public async Task Should_say_why_it_cannot_be()
    {
        await ExpectAsync(HttpStatusCode.NotFound, "shipment-unknown");
        await ShipAsync();
        await shop.AskAsync(new CancelShipment(orderId));
        await ExpectAsync(HttpStatusCode.Conflict, "shipment-cancelled");

        await using var slow = await Shop.OpenAsync(new(("Shipping:PackingTime", "1.00:00:00")));
        await slow.AskAsync(Ask(orderId));
        using var response = await slow.Http.PostAsync($"/shipping/shipments/{orderId}/hand-over", null, Ct);
        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Equal("shipment-not-packed", (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("type").GetString());
    }

    [Fact]
    public async Task Should_show_how_it_stands_without_where_it_goes()
    {
        await ShipAsync();
        using var twice = await HandOverAsync();
        using var again = await HandOverAsync();
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);

        var shown = await shop.Http.GetStringAsync($"/shipping/shipments/{orderId}", Ct);
        Assert.Contains("\"status\":\"HANDED_OVER\"", shown);
        Assert.DoesNotContain("Cologne", shown);
        using var unknown = await shop.Http.GetAsync($"/shipping/shipments/{Guid.NewGuid()}", Ct);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task Should_be_for_operators_only()
    {
        await using var production = await Shop.OpenAsync(new() { Environment = "Production" });
        await production.AskAsync(Ask(orderId));
        using var response = await production.Http.PostAsync($"/shipping/shipments/{orderId}/hand-over", null, Ct);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("CREATED", await production.ReadAsync("SELECT status FROM shipping.shipments WHERE order_id = @id", orderId));
    }

    private static CreateShipment Ask(Guid id) => new(id, new("Ann", "B 1", "Cologne", "50667", "DE"), [new("sku-apple", 1)]);

    private Task<Answer> ShipAsync() => shop.AskAsync(Ask(orderId));

    private Task<HttpResponseMessage> HandOverAsync() => shop.Http.PostAsync($"/shipping/shipments/{orderId}/hand-over", null, Ct);

    private async Task ExpectAsync(HttpStatusCode status, string type)
    {
        using var response = await HandOverAsync();
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(type, (await response.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("type").GetString());
    }

    private Task<string> StatusAsync() => shop.ReadAsync("SELECT status FROM shipping.shipments WHERE order_id = @id", orderId);
}
