namespace OrderSaga.Messaging;

/// <summary>
/// How long the broker's confirmation of a message is waited for. It can get lost with the channel that it was to come by, and who waited
/// on would hold his own message, and with it the restart of his endpoint, for ever. By the clock on the wall: it is a socket that is
/// waited for.
/// </summary>
internal static class Confirmation
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <exception cref="TimeoutException">It did not come; the message may have gone out, or not.</exception>
    public static Task ConfirmedAsync(this Task sending, CancellationToken ct) => sending.WaitAsync(Patience, ct);
}
