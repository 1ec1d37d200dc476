namespace OrderSaga.Orchestrator;

/// <summary>A message may have overtaken the submission of its order: it is tried again, with pauses, before it counts as a fault.</summary>
public sealed class NotThereYetException(string message) : Exception(message);
