using OrderSaga.Contracts;

namespace OrderSaga.Services.Tests;

public sealed class When_a_parcel_is_made(Shop shop) : IClassFixture<Shop>
{
    private static readonly Address Home = new("Ann", "B 1", "Cologne", "50667", "DE");
    private readonly Guid orderId = Guid.NewGuid();

    [Fact]
    public async Task Should_write_its_label()
    {
        var created = Assert.IsType<ShipmentCreated>(await ShipAsync(Home with { Country = "de" }));

        Assert.Equal($"CREATED {created.LabelNumber} Ann B 1 Cologne 50667 DE", await ShipmentAsync());
    }

    [Fact]
    public async Task Should_stop_it_when_it_is_cancelled()
    {
        await ShipAsync(Home);
        await shop.AskAsync(new CancelShipment(orderId));

        Assert.StartsWith("CANCELLED ", await ShipmentAsync());
    }

    [Fact]
    public async Task Should_give_every_order_a_label_of_its_own()
    {
        var labels = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
            ((ShipmentCreated)(await shop.AskAsync(new CreateShipment(Guid.NewGuid(), Home, []))).Message).LabelNumber));

        Assert.Distinct(labels);
    }

    [Theory]
    [InlineData("Country", "DEU")]
    [InlineData("Country", "D")]
    [InlineData("Country", "D1")]
    [InlineData("Country", "ÄÖ")]
    [InlineData("Country", "")]
    [InlineData("Name", " ")]
    [InlineData("Street", "")]
    [InlineData("City", "")]
    [InlineData("PostalCode", "123456789012345678901")]
    public async Task Should_refuse_a_bad_address(string field, string value)
    {
        var address = field switch
        {
            "Country" => Home with { Country = value },
            "Name" => Home with { Name = value },
            "Street" => Home with { Street = value },
            "City" => Home with { City = value },
            _ => Home with { PostalCode = value },
        };

        Assert.Equal("BAD_ADDRESS", Assert.IsType<ShipmentRefused>(await ShipAsync(address)).Reason);
        Assert.Equal("", await ShipmentAsync());
    }

    private async Task<object> ShipAsync(Address address) => (await shop.AskAsync(new CreateShipment(orderId, address, [new("sku-apple", 1)]))).Message;

    private Task<string> ShipmentAsync() =>
        shop.ReadAsync("SELECT status, label_number, name, street, city, postal_code, country FROM shipping.shipments WHERE order_id = @id", orderId);
}
