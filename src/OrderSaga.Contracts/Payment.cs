namespace OrderSaga.Contracts;

/// <summary>Asks for the money. Answered by <see cref="PaymentCharged"/> or <see cref="PaymentRefused"/>.</summary>
public sealed record ChargePayment(Guid OrderId, decimal Amount, string Currency, string PaymentToken);

/// <summary>The money was taken, under this id of the payment provider.</summary>
public sealed record PaymentCharged(Guid OrderId, string ChargeId, decimal Amount, string Currency);

/// <summary>The money was not taken, and asking again would not help.</summary>
public sealed record PaymentRefused(Guid OrderId, string Reason, string? Detail = null);

/// <summary>Undoes <see cref="ChargePayment"/>: exactly the charge that was taken is given back.</summary>
public sealed record RefundPayment(Guid OrderId);

/// <summary>The money is back; or none was taken, and none will be.</summary>
public sealed record PaymentRefunded(Guid OrderId, bool NothingToUndo = false, string? ChargeId = null);
