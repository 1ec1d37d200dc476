namespace OrderSaga.Contracts;

/// <summary>Asks for the order to be checked before it is charged. Answered by <see cref="FraudChecked"/> or <see cref="FraudSuspected"/>.</summary>
public sealed record CheckFraud(Guid OrderId, Customer Customer, Address ShippingAddress, decimal Amount, string Currency, string PaymentToken);

/// <summary>Nothing speaks against the order.</summary>
public sealed record FraudChecked(Guid OrderId);

/// <summary>The order should not be charged.</summary>
public sealed record FraudSuspected(Guid OrderId, string Reason, string? Detail = null);

/// <summary>Undoes <see cref="CheckFraud"/>: the check no longer counts towards what the customer spent.</summary>
public sealed record WithdrawFraudCheck(Guid OrderId);

/// <summary>The check does not count any more; or there was none, and none will come.</summary>
public sealed record FraudCheckWithdrawn(Guid OrderId, bool NothingToUndo = false);
