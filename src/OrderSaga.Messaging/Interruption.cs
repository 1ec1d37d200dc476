using Microsoft.Extensions.Logging;

namespace OrderSaga.Messaging;

/// <summary>Something that many notice at once is said once when it begins, and once when it is over.</summary>
internal sealed class Interruption(string began, string ended)
{
    private int going;
    private int noticed;

    public void Began(ILogger log, Exception why)
    {
        Interlocked.Increment(ref noticed);
        if (Interlocked.Exchange(ref going, 1) == 0)
            log.LogError(why, "{What}", began);
    }

    public void Ended(ILogger log)
    {
        if (Volatile.Read(ref going) == 1 && Interlocked.Exchange(ref going, 0) == 1)
            log.LogInformation("{What} (noticed {Times} times)", ended, Interlocked.Exchange(ref noticed, 0));
    }
}
