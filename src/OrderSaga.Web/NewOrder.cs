using System.Text.Json;
using System.Text.Json.Serialization;
using OrderSaga.Contracts;
using OrderSaga.Messaging.Steps;

namespace OrderSaga.Web;

/// <summary>The body of POST /orders.</summary>
internal sealed record NewOrder(
    Customer? Customer,
    string? Currency,
    IReadOnlyList<OrderLine>? Lines,
    Address? ShippingAddress,
    PaymentMethod? Payment,
    bool GiftWrap = false,
    IReadOnlyList<PlannedFault>? Faults = null)
{
    /// <summary>Strict: a field that is misspelt, doubled or of the wrong type is an error, not a default.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        NumberHandling = JsonNumberHandling.Strict,
        MaxDepth = 8,
    };

    // What is missing is found by the check that every submission goes through.
    public SubmitOrder ToSubmission() => new(Guid.Empty, Customer!, Currency!, Lines!, ShippingAddress!, Payment!, GiftWrap);
}
