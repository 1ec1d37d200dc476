using MassTransit;

namespace OrderSaga.Messaging.Groups;

internal static class Sharing
{
    /// <summary>Whether a message may be handled together with others. What failed, and what was in the hands of a process that died, may be what harms a group.</summary>
    public static bool MayShare(this ConsumeContext context)
    {
        var isFirstTry = false;
        context.ReceiveContext.GetOrAddPayload(() =>
        {
            isFirstTry = true;
            return Tried.Mark;
        });
        return isFirstTry && !context.ReceiveContext.Redelivered;
    }

    private sealed class Tried
    {
        public static readonly Tried Mark = new();
    }
}
