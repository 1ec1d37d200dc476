using System.Text.Json;
using OrderSaga.Contracts;
using OrderSaga.Messaging.DeadLetters;

namespace OrderSaga.Orchestrator;

/// <summary>One order's saga: what was submitted, and what the steps returned.</summary>
public class OrderState : CompensatingState
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

    internal Address Address => Submitted.ShippingAddress;

    internal string PaymentToken => Submitted.Payment.Token;

    internal IReadOnlyList<StockLine> Stock => [.. Lines.Select(l => new StockLine(l.ProductId, l.Quantity))];

    /// <summary>What is charged: the frozen price, or what was quoted where no price is frozen.</summary>
    internal decimal Amount => Total ?? throw new InvalidOperationException($"Order {OrderId} has neither a frozen price nor quotes for all of its lines.");

    /// <summary>Takes the submission; a repetition must say the same.</summary>
    internal void Accept(SubmitOrder order, bool quotesCount)
    {
        if (Submission.CardNumbers(order).ToList() is { Count: > 0 } cards)
            throw new CardNumberException($"Order {order.OrderId} is not accepted: there is a card number in {string.Join(", ", cards)}. Send a token of the payment provider.");
        if (Submitted is not null)
        {
            if (Content(order) != Content(Submitted))
                throw new NotAcceptedException($"Order {OrderId} was submitted before with other content: submit the new content under an order id of its own.");
            return;
        }

        var wrong = new Dictionary<string, string[]>(Submission.Check(order, quotesCount));
        if (order.OrderId == Guid.Empty)
            wrong["orderId"] = ["An order on the bus has an id of its own, a GUID: it is what makes a repetition the same order."];
        if (wrong.Count > 0)
            throw new NotAcceptedException($"Order {order.OrderId} is not accepted: {string.Join(" ", wrong.Select(w => $"{w.Key}: {w.Value[0]}"))}");
        CorrelationId = order.OrderId;
        Submitted = order;
        Currency = order.Currency;
        CustomerId = order.Customer.Id;
        Total = quotesCount ? decimal.Round(order.Lines.Sum(l => l.UnitPrice!.Value * l.Quantity), 2) + 0.00m : null;
    }

    // What is divided by it keeps no zeros at its end.
    private const decimal One = 1.0000000000000000000000000000m;

    /// <summary>The business content of a submission, for comparing: 3.9 and 3.90 are the same price.</summary>
    internal static string Content(SubmitOrder order) => JsonSerializer.Serialize(order with
    {
        OrderId = Guid.Empty,
        Lines = [.. (order.Lines ?? []).Select(line => line is { UnitPrice: { } price } ? line with { UnitPrice = price / One } : line)],
    });
}

/// <summary>A submission that no repetition would make acceptable.</summary>
public class NotAcceptedException(string message) : ArgumentException(message);

/// <summary>A submission with a card number in it: it is not kept, not even as a dead letter.</summary>
public sealed class CardNumberException(string message) : NotAcceptedException(message), IForbidsKeeping;
