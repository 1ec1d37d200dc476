using Microsoft.EntityFrameworkCore;

namespace OrderSaga.Messaging.Groups;

/// <summary>
/// A unit of work that may share a commit. It changes what belongs to its key through the context that it is given, which it does not
/// save, and may have to begin again on another one; what it says is said after the commit, by who brought it.
/// </summary>
internal abstract class Member<TDb>(Guid key, CancellationToken ct)
    where TDb : DbContext
{
    // Where it comes from: its trace and its place in the log, whoever runs it.
    private readonly ExecutionContext? origin = ExecutionContext.Capture();
    private readonly TaskCompletionSource<bool> outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Two of one key never share a commit.</summary>
    public Guid Key => key;

    /// <summary>True: it is committed. False: nothing of it is, and it is to be done alone. What it throws when nobody is with it is thrown here.</summary>
    public Task<bool> Outcome => outcome.Task;

    /// <summary>Those of a kind read together what they need.</summary>
    public virtual object Kind => GetType();

    /// <summary>Reads what all of a kind need, in one statement.</summary>
    public virtual Task ReadAsync(TDb db, IReadOnlyList<Member<TDb>> ofItsKind) => Task.CompletedTask;

    /// <summary>Makes its changes. Returns false if they are not for sharing.</summary>
    protected abstract Task<bool> ChangeAsync(TDb db);

    /// <summary>Nobody waits for it any more.</summary>
    public bool IsGone() => ct.IsCancellationRequested && outcome.TrySetCanceled(ct);

    /// <summary>Takes part, unless it cannot, or would rather not. Then the others go on without it.</summary>
    public async Task<bool> JoinAsync(TDb db, bool withOthers)
    {
        try
        {
            if (await InItsOriginAsync(() => ChangeAsync(db)).ConfigureAwait(false))
                return true;
        }
        catch (Exception e)
        {
            // With others it may be their presence that it stumbled over: what it throws alone is its own.
            if (!withOthers)
                Failed(e);
        }

        return false;
    }

    public void Committed() => outcome.TrySetResult(true);

    public void GoAlone() => outcome.TrySetResult(false);

    public void Failed(Exception why) => outcome.TrySetException(why);

    /// <summary>Does something that is its own, where it comes from.</summary>
    public Task<T> InItsOriginAsync<T>(Func<Task<T>> work)
    {
        if (origin is null)
            return work();
        Task<T>? working = null;
        ExecutionContext.Run(origin, _ => working = work(), null);
        return working!;
    }
}
