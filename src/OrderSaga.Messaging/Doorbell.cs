using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging;

/// <summary>Wakes what waits for its time, because something has come due that it does not know of yet.</summary>
public class Doorbell
{
    private TaskCompletionSource rung = New();

    public void Ring() => Interlocked.Exchange(ref rung, New()).TrySetResult();

    internal Task RingsAsync() => Volatile.Read(ref rung).Task;

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>The bell of what is done behind one context's tables.</summary>
public sealed class Doorbell<TDb> : Doorbell
    where TDb : DbContext;
