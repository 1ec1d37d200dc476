namespace OrderSaga.Contracts;

// The wire name of a message is its namespace and type name: a rename is a break for every service that runs. Fields may be added
// (optional, at the end), never renamed or removed.

/// <summary>Begins an order. Sent on the bus it does what POST /orders does; a second one with the same id and content changes nothing.</summary>
public sealed record SubmitOrder(
    Guid OrderId,
    Customer Customer,
    string Currency,
    IReadOnlyList<OrderLine> Lines,
    Address ShippingAddress,
    PaymentMethod Payment,
    bool GiftWrap = false);

/// <summary>Who orders.</summary>
public sealed record Customer(string Id, string Email);

/// <summary>One product of an order. <paramref name="UnitPrice"/> is the price that the customer saw, if one was shown.</summary>
public sealed record OrderLine(string ProductId, int Quantity, decimal? UnitPrice = null);

/// <summary>Where the parcel goes.</summary>
public sealed record Address(string Name, string Street, string City, string PostalCode, string Country);

/// <summary>What pays: a token of the payment provider, never a card number.</summary>
public sealed record PaymentMethod(string Token);

/// <summary>The customer or an operator wants the order undone. Refused past the point of no return.</summary>
public sealed record CancelCheckout(Guid OrderId, string? Reason = null, string? Actor = null);

/// <summary>An operator has an undo that is stuck tried again.</summary>
public sealed record RetryUndo(Guid OrderId, string Step, string Actor);

/// <summary>An operator finished an undo by hand, and says how that is known.</summary>
public sealed record ResolveUndo(Guid OrderId, string Step, string Reason, string Evidence, string Actor);

/// <summary>An operator holds the order: answers are recorded, nothing new is asked.</summary>
public sealed record PauseCheckout(Guid OrderId, string Actor, string? Reason = null);

/// <summary>An operator lets a held order go on.</summary>
public sealed record ResumeCheckout(Guid OrderId, string Actor);

/// <summary>A participant is still at work on a step: do not take its silence for an answer before <paramref name="Until"/>.</summary>
public sealed record StepProgress(Guid OrderId, string Step, DateTimeOffset Until);

/// <summary>A service cannot do what it is asked for, because its own database is away: its silence is none until <paramref name="Until"/>. Said again while it lasts.</summary>
public sealed record ServiceAway(string Service, IReadOnlyList<string> Commands, DateTimeOffset Since, DateTimeOffset Until);

/// <summary>A service that still holds marks of these orders asks how they ended. Answered by <see cref="CheckoutOutcomes"/>.</summary>
public sealed record AskOutcome(IReadOnlyList<Guid> OrderIds);

/// <summary>How the orders that were asked for stand. An order that is not known is left out.</summary>
public sealed record CheckoutOutcomes(IReadOnlyList<CheckoutOutcome> Outcomes);

/// <summary>How one order stands: the state of its saga.</summary>
public sealed record CheckoutOutcome(Guid OrderId, string State);

/// <summary>The ending: charged, reserved, shipped and confirmed, each once.</summary>
public sealed record CheckoutCompleted(Guid OrderId, decimal Total, string Currency);

/// <summary>The ending: everything that was done is undone, and the customer was told why.</summary>
public sealed record CheckoutCompensated(Guid OrderId, string Reason);

/// <summary>The ending: some undos are left for a person. <paramref name="Left"/> names their steps.</summary>
public sealed record CheckoutFailed(Guid OrderId, string Reason, IReadOnlyList<string> Left);

/// <summary>A person should look at an order: an undo is stuck, a success came that was believed not to have happened, or nobody confirms.</summary>
public sealed record CheckoutNeedsAttention(Guid OrderId, string State, string Alert, DateTimeOffset At);

/// <summary>What an order had left to undo is finished: it counts as compensated now.</summary>
public sealed record CheckoutRepaired(Guid OrderId, string Actor);
