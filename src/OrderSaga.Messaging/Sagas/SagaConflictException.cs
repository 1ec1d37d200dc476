namespace OrderSaga.Messaging.Sagas;

/// <summary>Two messages met at one saga; the slower one is rolled back and handled again on what the faster one left.</summary>
public sealed class SagaConflictException(string message, Exception inner) : Exception(message, inner);
