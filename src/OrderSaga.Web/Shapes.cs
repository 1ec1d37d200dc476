using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;
using OrderSaga.Orchestrator;

namespace OrderSaga.Web;

/// <summary>What the fields of the API may hold, beyond their types.</summary>
internal static class Shapes
{
    private static readonly Dictionary<(Type Type, string Field), Action<OpenApiSchema>> Fields = new()
    {
        [(typeof(NewOrder), "currency")] = s => (s.Pattern, s.Description) = ("^[A-Z]{3}$", "Three capital letters (ISO 4217)."),
        [(typeof(NewOrder), "lines")] = s => (s.MinItems, s.MaxItems) = (1, Submission.MostLines),
        [(typeof(NewOrder), "giftWrap")] = s => s.Description = "Wrapped as a gift, unless the shop does not.",
        [(typeof(NewOrder), "faults")] = s => s.Description = "What is to go wrong, on purpose. Only where `Faults:Enabled` is on; elsewhere such an order is refused.",
        [(typeof(Customer), "id")] = s => Text(s, 100, "The customer, as the client knows it."),
        [(typeof(Customer), "email")] = s => Text(s, 254, "Where confirmation or apology goes."),
        [(typeof(OrderLine), "productId")] = s => Text(s, 64),
        [(typeof(OrderLine), "quantity")] = s => (s.Minimum, s.Maximum) = ("1", $"{Submission.MostOfOneLine}"),
        [(typeof(OrderLine), "unitPrice")] = s => (s.Minimum, s.Maximum, s.Description) = ("0", "1000000", "The price that the customer saw, with at most two decimals. The order is refused if it is not the price of now; without it, the price of now counts. Required where the step FreezePrice is off."),
        [(typeof(Address), "name")] = s => Text(s, 200),
        [(typeof(Address), "street")] = s => Text(s, 200),
        [(typeof(Address), "city")] = s => Text(s, 100),
        [(typeof(Address), "postalCode")] = s => Text(s, 20),
        [(typeof(Address), "country")] = s => (s.Pattern, s.Description) = ("^[A-Z]{2}$", "Two capital letters (ISO 3166)."),
        [(typeof(PaymentMethod), "token")] = s => Text(s, 100, "A token of the payment provider, never a card number."),
        [(typeof(PlannedFault), "step")] = s => s.Description = "The step, such as ChargePayment; or Gateway, for what is behind payment.",
        [(typeof(PlannedFault), "kind")] = s => s.Enum = Words(FaultKind.All),
        [(typeof(PlannedFault), "times")] = s => (s.Minimum, s.Maximum, s.Description) = ("1", "1000", "How many asks it hits; all, if left out."),
        [(typeof(OrderView), "status")] = s => s.Enum = Words(["Processing", "Completed", "Cancelled", "NeedsAttention"]),
        [(typeof(OrderView), "state")] = s => s.Description = "The state of the saga, named by the last step that was done: Pending, OrderCreated, InventoryReserved, PriceFrozen, GiftWrapped, FraudChecked, PaymentCharged, ShipmentCreated, Complete, Compensating, Compensated, Failed.",
        [(typeof(OrderView), "reason")] = s => s.Description = "Why it is undone: a code such as CARD_DECLINED, OUT_OF_STOCK, PRICE_CHANGED, STEP_SILENT.",
        [(typeof(OrderView), "total")] = s => s.Description = "What is charged; null until it is known.",
        [(typeof(OrderView), "endedAt")] = s => s.Description = "When it came to rest; null until then.",
        [(typeof(StepView), "status")] = s => s.Enum = Words(["waiting", "asked", "done", "refused", "silent", "faulted", "undoing", "undone", "stuck", "skipped"]),
        [(typeof(StepView), "key")] = s => s.Description = "The idempotency key under which the participant is asked.",
    };

    // What a submission must have; the rest may be left out, and so may be null.
    private static readonly Dictionary<Type, string[]> Required = new()
    {
        [typeof(NewOrder)] = ["customer", "currency", "lines", "shippingAddress", "payment"],
        [typeof(OrderLine)] = ["productId", "quantity"],
        [typeof(PlannedFault)] = ["step", "kind"],
    };

    public static void Narrow(OpenApiSchema schema, OpenApiSchemaTransformerContext context)
    {
        var type = context.JsonTypeInfo.Type;
        if (context.JsonPropertyInfo is { } property && Fields.TryGetValue((property.DeclaringType, property.Name), out var narrow))
            narrow(schema);
        if (context.JsonPropertyInfo is { } field && Required.TryGetValue(field.DeclaringType, out var needed) && needed.Contains(field.Name))
            schema.Type &= ~JsonSchemaType.Null;
        if (context.JsonPropertyInfo is null && Required.TryGetValue(type, out var required))
            schema.Required = required.ToHashSet();
        if (context.JsonPropertyInfo is null && type == typeof(PlannedFault))
            schema.Properties?.Remove("seconds"); // only who asks a step may say it
        if (context.JsonPropertyInfo is null && (Required.ContainsKey(type) || type == typeof(Customer) || type == typeof(Address) || type == typeof(PaymentMethod)))
            schema.AdditionalPropertiesAllowed = false;
    }

    public static OpenApiSchema Problem() => new()
    {
        Type = JsonSchemaType.Object,
        Description = "What is wrong (RFC 9457).",
        Required = new HashSet<string> { "type", "title", "status", "detail", "traceId" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = Text("What kind of problem it is: a name to decide by."),
            ["title"] = Text("The same, for people."),
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32" },
            ["detail"] = Text("What it is here, and what to do."),
            ["traceId"] = Text("Under which the log speaks of it."),
            ["errors"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Description = "What is wrong with each field, as the client wrote it, such as `lines[0].quantity`; \"\" is the whole body.",
                AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
            },
            ["orderId"] = Text("Of `order-not-completed`: the order."),
            ["state"] = Text("Of `order-not-completed`: Compensated or Failed."),
            ["reason"] = Text("Of `order-not-completed`: why."),
            ["compensated"] = new OpenApiSchema { Type = JsonSchemaType.Boolean, Description = "Of `order-not-completed`: whether everything is undone." },
        },
    };

    private static OpenApiSchema Text(string what) => new() { Type = JsonSchemaType.String, Description = what };

    private static void Text(OpenApiSchema schema, int longest, string? what = null) => (schema.MinLength, schema.MaxLength, schema.Description) = (1, longest, what);

    private static List<JsonNode> Words(IEnumerable<string> words) => [.. words.Select(w => (JsonNode)JsonValue.Create(w))];
}
