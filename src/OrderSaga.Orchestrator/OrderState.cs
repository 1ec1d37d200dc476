using System.Text.Json;
using OrderSaga.Contracts;

namespace OrderSaga.Orchestrator;

/// <summary>One order's saga: what was submitted, and what the steps returned.</summary>
public sealed class OrderState : CompensatingState
{
    public Guid OrderId => CorrelationId;

    /// <summary>What was submitted, as it came.</summary>
    public SubmitOrder Submitted { get; set; } = null!;

    /// <summary>What is charged: the frozen price.</summary>
    public decimal? Total { get; set; }

    public string Currency { get; set; } = "";

    public string CustomerId { get; set; } = "";

    /// <summary>The client's key for this submission; unique per customer.</summary>
    public string? IdempotencyKey { get; set; }

    public Customer Customer => Submitted.Customer;

    public IReadOnlyList<OrderLine> Lines => Submitted.Lines;

    internal IReadOnlyList<StockLine> Stock => [.. Lines.Select(l => new StockLine(l.ProductId, l.Quantity))];

    /// <summary>Takes the submission; a repetition must say the same.</summary>
    internal void Accept(SubmitOrder order)
    {
        if (Submitted is not null && Content(order) != Content(Submitted))
            throw new InvalidOperationException($"Order {OrderId} was submitted before with other content: submit the new content under an order id of its own.");
        if (Submission.Check(order) is { Count: > 0 } wrong)
            throw new InvalidOperationException($"Order {order.OrderId} is not accepted: {string.Join(" ", wrong.Select(w => $"{w.Key}: {w.Value[0]}"))}");
        CorrelationId = order.OrderId;
        Submitted = order;
        Currency = order.Currency;
        CustomerId = order.Customer.Id;
    }

    /// <summary>The business content of a submission, for comparing.</summary>
    internal static string Content(SubmitOrder order) => JsonSerializer.Serialize(order with { OrderId = Guid.Empty });
}
