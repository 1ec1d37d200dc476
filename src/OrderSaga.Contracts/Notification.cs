namespace OrderSaga.Contracts;

/// <summary>Asks for the customer to be told that the order went through. A mail cannot be unsent: there is no undo, and it comes last.</summary>
public sealed record SendConfirmation(Guid OrderId, Customer Customer, decimal Total, string Currency);

/// <summary>The notification service has taken responsibility for the confirmation.</summary>
public sealed record ConfirmationSent(Guid OrderId);

/// <summary>The confirmation cannot be sent as asked. Reported; never a reason to undo a paid order.</summary>
public sealed record ConfirmationRefused(Guid OrderId, string Reason, string? Detail = null);

/// <summary>Asks for the customer to be told that the order was cancelled, and why.</summary>
public sealed record SendApology(Guid OrderId, Customer Customer, string Reason);

/// <summary>The notification service has taken responsibility for the apology.</summary>
public sealed record ApologySent(Guid OrderId);
