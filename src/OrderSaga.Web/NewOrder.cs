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
    // What is missing is found by the check that every submission goes through.
    public SubmitOrder ToSubmission() => new(Guid.Empty, Customer!, Currency!, Lines!, ShippingAddress!, Payment!, GiftWrap);
}
