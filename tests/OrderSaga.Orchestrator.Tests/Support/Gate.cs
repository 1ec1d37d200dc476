using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OrderSaga.Orchestrator.Tests.Support;

/// <summary>Holds a process where it has read an order and decided, and is about to save it: so that somebody else can be faster.</summary>
internal sealed class Gate : SaveChangesInterceptor
{
    private TaskCompletionSource? open;
    private TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>From now on the next one is held.</summary>
    public void Close() => (reached, open) = (new(TaskCreationOptions.RunContinuationsAsynchronously), new(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>Somebody stands before it.</summary>
    public Task Reached => reached.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

    public void Open() => Interlocked.Exchange(ref open, null)?.TrySetResult();

    /// <summary>Whoever stands before it goes on, and the next one is held again.</summary>
    public void LetOnePass()
    {
        var passing = open;
        Close();
        passing?.TrySetResult();
    }

    public override async ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        if (open is { } held && eventData.Context!.ChangeTracker.Entries<OrderState>().Any(e => e.State == EntityState.Modified))
        {
            reached.TrySetResult();
            await held.Task.WaitAsync(cancellationToken);
        }

        return result;
    }
}
