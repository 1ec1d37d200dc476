using OrderSaga.Messaging.Databases;
using OrderSaga.Messaging.Sagas;

namespace OrderSaga.Messaging;

/// <summary>
/// That a participant's own database is away says nothing about the message at hand: it is neither an attempt nor a fault. The message is
/// held and tried again until the database is back; no more are taken than the queue's prefetch allows, so the endpoint stands still.
/// Were it a fault, one outage would undo every order under way. The same goes for whatever else a participant says is away.
/// </summary>
public static class Outage
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    /// <summary>Hours of it; a broker that loses its patience meanwhile delivers the message again.</summary>
    internal static TimeSpan[] Pauses { get; } = [.. new[] { 100, 500, 1000, 2000 }.Select(ms => TimeSpan.FromMilliseconds(ms)), .. Enumerable.Repeat(Pause, 10_000)];

    /// <summary>Whether what is needed is away, and nothing else is the matter.</summary>
    public static bool Is(Exception exception) => exception is OutageException || (exception is not SagaConflictException && Database.IsAway(exception));
}

/// <summary>What a participant needs beside its database is away.</summary>
/// <param name="message">In words.</param>
/// <param name="inner">How it was seen.</param>
/// <param name="wasCalled">It was called before that was clear, so it may have acted.</param>
public sealed class OutageException(string message, Exception? inner = null, bool wasCalled = false) : Exception(message, inner)
{
    public bool WasCalled => wasCalled;
}
