namespace OrderSaga.Web;

/// <summary>Orders to try, as the description of the API shows them. Tests place each of them.</summary>
internal static class Examples
{
    /// <summary>The operation that they belong to.</summary>
    public const string Of = "placeOrder";

    public static IReadOnlyList<(string Name, string What, int Status, string Body)> All { get; } =
    [
        ("happy", "Two apples at the price that the customer saw.", 201, Order()),
        ("giftWrap", "The same, wrapped.", 201, Order(giftWrap: true)),
        ("declined", "The card is declined, and everything is undone.", 422, Order(token: "tok_declined")),
        ("soldOut", "There are none of these.", 422, Order(product: "sku-none", price: "1.99")),
        ("dearer", "The price is another one now.", 422, Order(price: "1.00")),
        ("gatewayFails", "The payment gateway fails twice before it charges.", 201, Order(token: "tok_error")),
        ("planned", "The parcel is refused, as planned.", 422, Order(faults: """[{ "step": "CreateShipment", "kind": "refuse" }]""")),
    ];

    private static string Order(string product = "sku-apple", string price = "3.99", string token = "tok_visa", bool giftWrap = false, string? faults = null) => $$"""
        { "customer": { "id": "c-1", "email": "a@example.org" }, "currency": "EUR",
          "lines": [ { "productId": "{{product}}", "quantity": 2, "unitPrice": {{price}} } ],
          "shippingAddress": { "name": "A", "street": "B 1", "city": "C", "postalCode": "12345", "country": "DE" },
          "payment": { "token": "{{token}}" }{{(giftWrap ? ", \"giftWrap\": true" : "")}}{{(faults is null ? "" : $", \"faults\": {faults}")}} }
        """;
}
